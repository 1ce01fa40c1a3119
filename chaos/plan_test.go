package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

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
	s := medium
	s.seed = 1
	p := newPlan(s)
	require.Len(t, p.tasks, s.tasks)
	byKind := map[*kind]int{}
	for _, one := range p.tasks {
		byKind[one.kind]++
		assert.True(t, one.priority >= 1 && one.priority <= 9)
		assert.LessOrEqual(t, one.delay, one.kind.upTo)
		assert.LessOrEqual(t, one.at, p.length())
		if one.kind.key == keyOrdered && one.at < p.length() {
			assert.Equal(t, burstAt, one.at%roundTime, "all at once, in the calm of a round")
		}
	}
	for i := range kinds {
		assert.Equal(t, s.tasks*kinds[i].share/100, byKind[&kinds[i]], kinds[i].name)
	}
	assert.True(t, slices.IsSortedFunc(p.tasks, func(a, b *item) int { return int(a.at - b.at) }))
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
