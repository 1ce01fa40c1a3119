package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// sampled is a series of an hour, a value each 5 s.
func sampled(slack float64, value func(second float64) float64) *series {
	s := &series{Of: "worker-1", Measure: measure{Name: "memory MiB", slack: slack}}
	for second := 0.0; second < 3600; second += 5 {
		s.Points = append(s.Points, point{time.Duration(second) * time.Second, value(second)})
	}
	return s
}

func TestTrend(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		series *series
		flat   bool
		hourly float64
	}{
		"flat":                         {sampled(3, func(float64) float64 { return 40 }), true, 0},
		"warms up":                     {sampled(3, func(s float64) float64 { return 40 - 20*math.Exp(-s/120) }), true, 0},
		"saw tooth":                    {sampled(3, func(s float64) float64 { return 40 + 10*math.Mod(s, 95)/95 }), true, 0},
		"grows by less than the slack": {sampled(3, func(s float64) float64 { return 20 + 4*s/3600 }), true, 4},
		"grows by less than a tenth":   {sampled(3, func(s float64) float64 { return 200 + 30*s/3600 }), true, 30},
		"a leak":                       {sampled(3, func(s float64) float64 { return 40 + 12*s/3600 }), false, 12},
		"a leak of one in a tooth":     {sampled(3, func(s float64) float64 { return 40 + 10*math.Mod(s, 95)/95 + 14*s/3600 }), false, 14},
		"goroutines":                   {sampled(2, func(s float64) float64 { return 20 + math.Floor(s/600) }), false, 6},
		"falls":                        {sampled(3, func(s float64) float64 { return 80 - 40*s/3600 }), true, -40},
		"a peak": {sampled(3, func(s float64) float64 {
			if s > 3000 && s < 3200 {
				return 400
			}
			return 40
		}), true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trend := one.series.trend()
			assert.Equal(t, one.flat, trend.Flat, "%+v", trend)
			assert.InDelta(t, one.hourly, trend.PerHour, 1.5)
		})
	}
	few := sampled(3, func(float64) float64 { return 1 })
	few.Points = few.Points[:fewestSamples-1]
	assert.False(t, few.trend().Flat, "nobody can say that it is")
	assert.False(t, (&series{}).trend().Flat)
}

func TestMedian(t *testing.T) {
	t.Parallel()
	assert.InDelta(t, 2, median([]float64{9, 1, 2}), 0)
	assert.InDelta(t, 1.5, median([]float64{2, 9, 1, 1}), 0)
}

// The slope of a line is found whatever stands in a quarter of its points.
func TestSlopeIsRobust(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rise := rapid.Float64Range(-5, 5).Draw(t, "rise")
		points := make([]point, rapid.IntRange(20, 60).Draw(t, "points"))
		for i := range points {
			points[i] = point{time.Duration(i) * time.Second, rise * float64(i)}
		}
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(points)-1), 0, len(points)/10, rapid.ID[int]).Draw(t, "wild") {
			points[i].Value = rapid.Float64Range(-1000, 1000).Draw(t, "value")
		}
		assert.InDelta(t, rise, slope(points), 1e-6+0.5*math.Abs(rise)+2)
	})
	long := make([]point, 10*maxSlopePoints+1)
	for i := range long {
		long[i] = point{time.Duration(i) * time.Second, 3 * float64(i)}
	}
	assert.InDelta(t, 3, slope(long), 1e-9)
	assert.Zero(t, slope(nil))
	assert.Zero(t, slope([]point{{1, 1}, {1, 2}}), "at one time")
}
