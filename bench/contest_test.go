package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scripted is an entrant whose rounds are given.
func scripted(name string, order *[]string, rounds ...float64) entrant {
	n := 0
	return entrant{name: name, run: func(context.Context, *arena) ([]float64, error) {
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
		floors:   []floor{{entrant: "Warren", figure: "rate", bound: 1.6}},
	}
	r, err := c.hold(t.Context(), nil, 3, t.Output())
	require.NoError(t, err)
	assert.Equal(t, []string{"loop", "Warren", "Warren", "loop", "loop", "Warren"}, order, "the order is turned with each round")
	require.Len(t, r.Rows, 2)
	assert.Nil(t, r.Rows[0].Ratio)
	assert.Equal(t, spread{Median: 200, Min: 100, Max: 400}, r.Rows[0].spread)
	assert.Equal(t, []float64{150, 200, 800}, r.Rows[1].Rounds)
	assert.Equal(t, &spread{Median: 1.5, Min: 1, Max: 2}, r.Rows[1].Ratio, "of the rounds' ratios, not of the medians")
	assert.Equal(t, &verdict{Bound: 1.6, Holds: false}, r.Rows[1].Floor)
	assert.False(t, (&report{Contests: []*result{r}}).holds())
}

func TestFloorOfWhatShouldBeLow(t *testing.T) {
	c := contest{floors: []floor{{entrant: "Warren", figure: "p50", bound: 1.2}}}
	low := figure{Name: "p50", LowerIsBetter: true}
	of := func(entrant string, ratio float64) *row { return &row{Entrant: entrant, Ratio: &spread{Median: ratio}} }
	assert.True(t, c.judge(of("Warren", 1.2), low).Holds)
	assert.False(t, c.judge(of("Warren", 1.21), low).Holds)
	assert.Nil(t, c.judge(of("loop", 9), low))
	assert.Nil(t, c.judge(of("Warren", 9), figure{Name: "p99"}))
}

// What is bound by itself needs nobody to be compared with.
func TestFloorOfAMedian(t *testing.T) {
	c := contest{
		figures: []figure{{Name: "p50", Unit: "ms", LowerIsBetter: true}}, entrants: []entrant{{name: "Warren"}},
		floors: []floor{{entrant: "Warren", figure: "p50", bound: 1, absolute: true}},
	}
	for median, holds := range map[float64]bool{0.9: true, 1: true, 1.1: false} {
		r := c.compare([][][]float64{{{median}}})
		assert.Equal(t, &verdict{Bound: 1, AtMost: true, Absolute: true, Holds: holds}, r.Rows[0].Floor)
		assert.Nil(t, r.Rows[0].Ratio)
	}
}

func TestContestEndsWithAnError(t *testing.T) {
	broken := errors.New("broken")
	c := contest{entrants: []entrant{{name: "loop", run: func(context.Context, *arena) ([]float64, error) { return nil, broken }}}}
	_, err := c.hold(t.Context(), nil, 3, t.Output())
	assert.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, "loop, round 1")
}

// A floor that names nobody would never be checked.
func TestFloorsAreOfEntrants(t *testing.T) {
	for _, c := range contests(full) {
		for _, one := range c.floors {
			compared := c.entrants
			if !one.absolute {
				compared = c.entrants[1:]
			}
			assert.True(t, slices.ContainsFunc(compared, func(e entrant) bool { return e.name == one.entrant }), one)
			assert.True(t, slices.ContainsFunc(c.figures, func(f figure) bool { return f.Name == one.figure }), one)
		}
	}
}

// An optional entrant that fails is out from then on, and keeps the rounds before that.
func TestContestGoesOnWithout(t *testing.T) {
	var order []string
	n := 0
	tired := entrant{name: "asynq", optional: true, run: func(context.Context, *arena) ([]float64, error) {
		if n++; n == 2 {
			return nil, errGivenUp
		}
		return []float64{50}, nil
	}}
	c := contest{
		name: "sprint", figures: []figure{{Name: "rate", Unit: "tasks/s"}},
		entrants: []entrant{scripted("loop", &order, 100, 200, 400), tired},
	}
	r, err := c.hold(t.Context(), nil, 3, t.Output())
	require.NoError(t, err)
	assert.Equal(t, []absence{{"asynq", errGivenUp.Error()}}, r.Out)
	require.Len(t, r.Rows, 2)
	assert.Len(t, r.Rows[0].Rounds, 3)
	assert.Equal(t, []float64{50}, r.Rows[1].Rounds)
	assert.InDelta(t, 0.5, r.Rows[1].Ratio.Median, 1e-9)
	assert.Equal(t, 2, n, "it is not asked a third time")
}

// What is not known has no row, and a figure beside one that is not known has no ratio.
func TestContestOfUnknownFigures(t *testing.T) {
	c := contest{
		figures:  []figure{{Name: "rate"}, {Name: "CPU", LowerIsBetter: true}},
		entrants: []entrant{{name: "loop"}, {name: "River"}},
	}
	r := c.compare([][][]float64{{{1}, {math.NaN()}}, {{2}, {3}}})
	require.Len(t, r.Rows, 3)
	assert.NotNil(t, r.Rows[1].Ratio)
	assert.Equal(t, "CPU", r.Rows[2].Figure)
	assert.Nil(t, r.Rows[2].Ratio)
}
