package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSpread(t *testing.T) {
	assert.Equal(t, spread{Median: 3, Min: 3, Max: 3}, spreadOf([]float64{3}))
	assert.Equal(t, spread{Median: 2.5, Min: 1, Max: 9}, spreadOf([]float64{9, 2, 1, 3}))
	assert.Equal(t, []float64{2, 0.5}, ratios([]float64{4, 3}, []float64{2, 6}))
}

func TestPercentile(t *testing.T) {
	var all []time.Duration
	for i := 100; i > 0; i-- {
		all = append(all, time.Duration(i))
	}
	for p, want := range map[float64]time.Duration{0: 1, 50: 50, 99: 99, 100: 100} {
		assert.Equal(t, want, percentile(all, p))
	}
	assert.Equal(t, time.Duration(7), percentile([]time.Duration{7}, 99))
	assert.InDelta(t, 1.5, millis(1500*time.Microsecond), 1e-9)
}

func TestQuarters(t *testing.T) {
	q := quartersOf([]float64{10, 10, 50, 50, 50, 50, 11, 11})
	assert.Equal(t, quarters{First: spread{10, 10, 10}, Last: spread{11, 11, 11}}, q)
	assert.True(t, q.flat())
	assert.False(t, quartersOf([]float64{10, 11.2}).flat())
	assert.True(t, quartersOf([]float64{10, 2}).flat())
	assert.True(t, quartersOf([]float64{10}).flat())
}

func TestMemoryOf(t *testing.T) {
	_, err := memoryOf(10, nil)
	assert.Error(t, err)
	m, err := memoryOf(10, []sample{{RSS: 20 << 20, Goroutines: 30}, {RSS: 20 << 20, Goroutines: 40}})
	assert.NoError(t, err)
	assert.False(t, m.Flat, "goroutines count too")
	assert.Equal(t, spread{20, 20, 20}, m.RSS.First)
}
