package main

import (
	"encoding/json"
	"slices"
	"time"
)

// measure is something that is sampled, and how much of it may come to stay.
type measure struct {
	Name   string `json:"name"`
	metric string // what a process calls it on /metrics
	unit   float64
	slack  float64 // how much more is always allowed, in units
}

const mebibyte = 1 << 20

// The measures of a process, as client_golang tells them.
var processMeasures = []measure{
	{"memory MiB", "process_resident_memory_bytes", mebibyte, 3},
	{"heap MiB", "go_memstats_heap_inuse_bytes", mebibyte, 3},
	{"goroutines", "go_goroutines", 1, 2},
	{"threads", "go_threads", 1, 2},
	{"files", "process_open_fds", 1, 2},
}

// point is a value at a time since the soak began.
type point struct {
	At    time.Duration
	Value float64
}

// MarshalJSON returns the seconds and the value.
func (p point) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]float64{p.At.Seconds(), p.Value})
}

// series is one measure of one process over time.
type series struct {
	Of      string  `json:"of"` // the process
	Measure measure `json:"measure"`
	Points  []point `json:"points"`
}

// allowedShare is how much more the last quarter may have than the second.
const allowedShare = 0.10

// fewestSamples is how many samples a verdict needs: four a quarter.
const fewestSamples = 16

// trend is what became of a series.
type trend struct {
	// Second and Last are the medians of these quarters; the first one warms up.
	Second  float64 `json:"second_quarter"`
	Last    float64 `json:"last_quarter"`
	Allowed float64 `json:"at_most"`  // what Last may be
	PerHour float64 `json:"per_hour"` // the slope since the end of the first quarter
	Flat    bool    `json:"flat"`
}

// trend judges a series. One with too few points is not flat: nobody can say that it is.
func (s *series) trend() trend {
	if len(s.Points) < fewestSamples {
		return trend{}
	}
	n := len(s.Points)
	t := trend{Second: medianOf(s.Points[n/4 : n/2]), Last: medianOf(s.Points[n-n/4:]), PerHour: slope(s.Points[n/4:]) * time.Hour.Seconds()}
	t.Allowed = t.Second + max(allowedShare*t.Second, s.Measure.slack)
	t.Flat = t.Last <= t.Allowed
	return t
}

func medianOf(points []point) float64 {
	values := make([]float64, len(points))
	for i, p := range points {
		values[i] = p.Value
	}
	return median(values)
}

// median sorts the values, of which there is one at least.
func median(values []float64) float64 {
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// maxSlopePoints bounds the pairs of points whose slopes are looked at: half a million.
const maxSlopePoints = 1000

// slope is the growth a second by Theil and Sen: the median of the slopes of all pairs of points, which a quarter of them
// may leave where it is by whatever they do.
func slope(points []point) float64 {
	if step := (len(points) + maxSlopePoints - 1) / maxSlopePoints; step > 1 {
		var some []point
		for i := 0; i < len(points); i += step {
			some = append(some, points[i])
		}
		points = some
	}
	var slopes []float64
	for i, a := range points {
		for _, b := range points[i+1:] {
			if b.At > a.At {
				slopes = append(slopes, (b.Value-a.Value)/(b.At-a.At).Seconds())
			}
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	return median(slopes)
}
