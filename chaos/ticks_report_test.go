package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ticksFlags are the flags of a command line of ours.
func ticksFlags(command string) []string {
	_, flags, _ := strings.Cut(command, "ticks ")
	return strings.Fields(flags)
}

// narrow is a text whose columns are one space apart.
func narrow(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " ")+"\n")
	}
	return strings.Join(lines, "")
}

// arenaOf is a place where all that is known has been seen already.
func arenaOf(e *tickEvidence) *arena {
	return &arena{urls: make([][]string, 3), entries: e.entries, outages: e.outages, took: 61 * time.Second, catcher: catcher{all: e.caught}}
}

func TestKillsReport(t *testing.T) {
	e := steady()
	e.deaths = []death{{process: "a", at: at(30.6)}, {process: "b", at: at(45.6), asked: true}}
	e.events = append(e.events, leads("b", 32.7, 2), emitted("b", 32.75), leadsNoMore("b", 45.7, 2), leads("a.2", 45.75, 3), emitted("a.2", 46.01))
	for i, c := range e.caught {
		if c.fire == at(31).Unix() || c.fire == at(32).Unix() {
			e.caught[i] = tickOf(c.entry, c.at().Sub(dawn).Seconds(), 32.75-c.at().Sub(dawn).Seconds())
		}
	}
	e.outages = []span{{at(50), at(57.5)}}
	var out strings.Builder
	r := ticksRun{options: tickOptions{tickSettings: fullTicks, parts: []string{partKills}}, out: &out}
	v := e.judgeKills()
	require.Empty(t, v.findings)
	require.NoError(t, r.writeKills(arenaOf(e), "private node (3.10.8)", v))
	for _, says := range []string{
		"ticks, kills: private node (3.10.8); 3 schedulers, something done to the leader every 15s; over after 1m1s",
		"broker away: 7.5s from 09:00:50.000",
		"secondly 60 0 0 0 0\n",
		"leader killed 1 2.1s 2.1s 2.15s 2.15s\n",
		"leader asked to stop 1 150ms 150ms 410ms 410ms\n",
		"09:00:30.600 a killed: 2.1s, 2.15s\n",
		"lateness of a tick: p50 15ms, p99 1.755s, max 1.755s",
		"verdict: holds: 3 reigns, never two at once",
		"the same again: cd chaos && go run . ticks -seed 0 -duration 3m0s",
	} {
		assert.Contains(t, narrow(out.String()), says)
	}
	v.find("something")
	out.Reset()
	require.NoError(t, r.writeKills(arenaOf(e), "", v))
	assert.Contains(t, out.String(), "verdict: DOES NOT HOLD: 1 findings\n  something\n")
	assert.ErrorIs(t, v.err(), errWrong)
}

func TestAwayReport(t *testing.T) {
	e := outage()
	v, accounts := judgedAway(e)
	var out strings.Builder
	require.NoError(t, ticksRun{out: &out}.writeAway(arenaOf(e), "node", v, accounts))
	for _, says := range []string{
		"broker away: 1m29.5s from 09:00:20.500",
		"none 20 0 82 28\n",
		"last 20 1 81 28\n",
		"all 20 82 0 28\n",
	} {
		assert.Contains(t, narrow(out.String()), says)
	}
}

func TestClusterReport(t *testing.T) {
	e := steady()
	e.events = append(e.events, leadsNoMore("a", 42, 1), leads("b", 43, 2))
	rounds := []round{
		{what: "node killed", process: "a", span: span{at(10), at(30)}},
		{what: "node frozen", process: "a", span: span{at(40), at(55)}},
		{what: "node frozen", process: "b", span: span{at(1), at(2)}},
	}
	e.without("secondly", 11, 14)
	e.without("second", 11, 14)
	var out strings.Builder
	require.NoError(t, ticksRun{out: &out}.writeCluster(arenaOf(e), "container", e.judgeKills(), rounds))
	for _, says := range []string{
		"3 nodes, each a container; 3 schedulers",
		"node killed 09:00:10.000 20s 5s kept\n",
		"node frozen 09:00:40.000 15s 1s taken over by b after 1s without a leader, which began 2s after\n",
		"lost before\n",
	} {
		assert.Contains(t, narrow(out.String()), says)
	}
}
