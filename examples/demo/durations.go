package main

import (
	"math"
	"slices"
	"time"
)

// durations are measurements of one thing.
type durations []time.Duration

// percentile returns the smallest measurement that p percent of them do not exceed (the nearest
// rank), 0 where there is none. p is within 0..100.
func (d durations) percentile(p float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(d))))
	return slices.Sorted(slices.Values(d))[max(rank, 1)-1]
}

// mean returns the mean, 0 where there is no measurement.
func (d durations) mean() time.Duration {
	if len(d) == 0 {
		return 0
	}
	var sum time.Duration
	for _, one := range d {
		sum += one
	}
	return sum / time.Duration(len(d))
}

// millis shows a duration in milliseconds, with a tenth where that says something.
func millis(d time.Duration) string {
	step := time.Millisecond
	if d.Abs() < 100*time.Millisecond {
		step = time.Millisecond / 10
	}
	return d.Round(step).String()
}
