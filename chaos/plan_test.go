package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fields are the flags of a command line of ours.
func fields(command string) []string {
	_, flags, _ := strings.Cut(command, "fault ")
	return strings.Fields(flags)
}

func TestSharesAreAHundred(t *testing.T) {
	sum := 0
	for _, k := range kinds {
		sum += k.share
	}
	assert.Equal(t, 100, sum)
}

func TestPlanIsAFunctionOfItsSeed(t *testing.T) {
	s := short
	s.seed = 3
	one, again := newPlan(s), newPlan(s)
	assert.Equal(t, one, again)
	other := s
	other.seed = 4
	assert.NotEqual(t, one.tasks[0].script, newPlan(other).tasks[0].script)
}

func TestPlan(t *testing.T) {
	s := full
	s.seed = 1
	p := newPlan(s)
	require.Len(t, p.tasks, s.tasks)
	byKind := map[*kind]int{}
	for _, one := range p.tasks {
		byKind[one.kind]++
		assert.True(t, one.priority >= 1 && one.priority <= 9)
		assert.LessOrEqual(t, one.delay, one.kind.upTo)
		assert.Less(t, one.at, p.length())
	}
	for i := range kinds {
		assert.Equal(t, s.tasks*kinds[i].share/100, byKind[&kinds[i]], kinds[i].name)
	}
	assert.True(t, slices.IsSortedFunc(p.faults, func(a, b strike) int { return int(a.at - b.at) }))
	var kills []strike
	restarts := 0
	for _, f := range p.faults {
		if f.kind == killWorker {
			kills = append(kills, f)
		} else {
			restarts++
			assert.Equal(t, stopBroker, f.kind)
			assert.True(t, 0 < f.at && f.at < p.length())
		}
	}
	assert.Equal(t, 2, restarts)
	require.Len(t, kills, 33, "every 2 s of 66 s")
	for i := range kills[1:] {
		assert.Equal(t, 2*time.Second, kills[i+1].at-kills[i].at)
		assert.NotEqual(t, kills[i].worker, kills[i+1].worker, "each in turn")
	}
}

func TestLastAttempt(t *testing.T) {
	assert.Equal(t, 1, script{}.lastAttempt(4))
	assert.Equal(t, 3, script{Fails: 2}.lastAttempt(4))
	assert.Equal(t, 2, script{Fails: failsAlways}.lastAttempt(2))
	assert.Equal(t, 1, script{Permanent: true, Fails: 2}.lastAttempt(4))
}

func TestShuffled(t *testing.T) {
	all := []int{1, 2, 3, 4, 5, 6, 7, 8}
	other := shuffled(rand.New(rand.NewPCG(1, 2)), all)
	assert.ElementsMatch(t, all, other)
	assert.True(t, slices.IsSorted(all), "the original is left alone")
}
