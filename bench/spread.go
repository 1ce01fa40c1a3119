package main

import (
	"math"
	"slices"
	"time"
)

// spread is a number of measurements of one thing, by the middle and the ends.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf returns the spread of at least one value.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	middle := sorted[len(sorted)/2]
	if len(sorted)%2 == 0 {
		middle = (sorted[len(sorted)/2-1] + middle) / 2
	}
	return spread{Median: middle, Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// ratios divides values by others, one by one. There may be more of the others; what has none to be divided
// by is not a number.
func ratios(values, by []float64) []float64 {
	all := make([]float64, len(values))
	for i := range values {
		all[i] = math.NaN()
		if i < len(by) {
			all[i] = values[i] / by[i]
		}
	}
	return all
}

// percentile returns the smallest duration that p percent of them do not exceed (the nearest rank),
// of at least one. p is within 0..100.
func percentile(durations []time.Duration, p float64) time.Duration {
	rank := int(math.Ceil(p / 100 * float64(len(durations))))
	return slices.Sorted(slices.Values(durations))[max(rank, 1)-1]
}

// millis is a duration in milliseconds.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
