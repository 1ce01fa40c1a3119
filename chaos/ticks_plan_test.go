package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBlows(t *testing.T) {
	s := fullTicks
	s.seed = 1
	blows := newBlows(s)
	assert.Equal(t, blows, newBlows(s), "a function of the seed")
	require.Len(t, blows, 11, "each 15 s of 3 m, and time for the last")
	var kinds []blowKind
	var whole time.Duration
	for _, b := range blows {
		kinds = append(kinds, b.kind)
		whole += b.wait
		assert.InDelta(t, s.killEvery, b.wait, float64(secondPhase/2))
	}
	assert.Less(t, whole, s.duration)
	assert.Equal(t, []blowKind{
		killLeader, killLeader, killLeader, stopLeader, killLeader,
		restartBroker, killLeader, killLeader, stopLeader, killLeader, killLeader,
	}, kinds)
	s.seed = 2
	assert.NotEqual(t, blows, newBlows(s))

	count := map[blowKind]int{}
	for _, b := range newBlows(shortTicks) {
		count[b.kind]++
	}
	assert.Equal(t, map[blowKind]int{killLeader: 2, stopLeader: 1, restartBroker: 1}, count)
}

func TestTickOptions(t *testing.T) {
	o, err := parseTicks([]string{"-short", "-seed", "7", "-away", "20s", "-part", "away", "-broker", "node"}, t.Output())
	require.NoError(t, err)
	want := shortTicks
	want.seed, want.away = 7, 20*time.Second
	assert.Equal(t, want, o.tickSettings)
	assert.Equal(t, []string{partAway}, o.parts)
	assert.Len(t, o.brokers, 1)
	again, err := parseTicks(append([]string{"-broker", "node"}, ticksFlags(o.command())...), t.Output())
	require.NoError(t, err)
	assert.Equal(t, o, again, "the command line that is told gives the same")

	o, err = parseTicks([]string{"-broker", "cluster"}, t.Output())
	require.NoError(t, err)
	assert.True(t, o.cluster)
	assert.Equal(t, fullTicks.away, o.away)
	assert.NotZero(t, o.seed)
	again, err = parseTicks(ticksFlags(o.command()), t.Output())
	require.NoError(t, err)
	assert.Equal(t, o, again)
}
