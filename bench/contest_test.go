package main

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scripted is an entrant whose rounds are given.
func scripted(name string, order *[]string, rounds ...float64) entrant {
	n := 0
	return entrant{name, func(context.Context, *arena) ([]float64, error) {
		*order = append(*order, name)
		n++
		return rounds[n-1 : n], nil
	}}
}

func TestContest(t *testing.T) {
	var order []string
	c := contest{
		name: "sprint", figures: []figure{{Name: "rate", Unit: "tasks/s"}},
		entrants: []entrant{scripted("loop", &order, 100, 200, 400), scripted("Warren", &order, 150, 200, 800)},
		floors:   []floor{{"Warren", "rate", 1.6}},
	}
	r, err := c.hold(t.Context(), nil, 3, t.Output())
	require.NoError(t, err)
	assert.Equal(t, []string{"loop", "Warren", "Warren", "loop", "loop", "Warren"}, order, "the order is turned with each round")
	require.Len(t, r.Rows, 2)
	assert.Nil(t, r.Rows[0].Ratio)
	assert.Equal(t, spread{Median: 200, Min: 100, Max: 400}, r.Rows[0].spread)
	assert.Equal(t, []float64{150, 200, 800}, r.Rows[1].Rounds)
	assert.Equal(t, &spread{Median: 1.5, Min: 1, Max: 2}, r.Rows[1].Ratio, "of the rounds' ratios, not of the medians")
	assert.Equal(t, &verdict{Ratio: 1.6, Holds: false}, r.Rows[1].Floor)
	assert.False(t, (&report{Contests: []*result{r}}).holds())
}

func TestFloorOfWhatShouldBeLow(t *testing.T) {
	c := contest{floors: []floor{{"Warren", "p50", 1.2}}}
	low := figure{Name: "p50", LowerIsBetter: true}
	assert.True(t, c.judge("Warren", low, 1.2).Holds)
	assert.False(t, c.judge("Warren", low, 1.21).Holds)
	assert.Nil(t, c.judge("loop", low, 9))
	assert.Nil(t, c.judge("Warren", figure{Name: "p99"}, 9))
}

func TestContestEndsWithAnError(t *testing.T) {
	broken := errors.New("broken")
	c := contest{entrants: []entrant{{"loop", func(context.Context, *arena) ([]float64, error) { return nil, broken }}}}
	_, err := c.hold(t.Context(), nil, 3, t.Output())
	assert.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, "loop, round 1")
}

// A floor that names nobody would never be checked.
func TestFloorsAreOfEntrants(t *testing.T) {
	for _, c := range contests(full) {
		for _, one := range c.floors {
			assert.True(t, slices.ContainsFunc(c.entrants[1:], func(e entrant) bool { return e.name == one.entrant }), one)
			assert.True(t, slices.ContainsFunc(c.figures, func(f figure) bool { return f.Name == one.figure }), one)
		}
	}
}
