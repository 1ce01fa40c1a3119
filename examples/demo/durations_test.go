package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestPercentile(t *testing.T) {
	d := durations{40, 10, 30, 20} // in no order
	for p, want := range map[float64]time.Duration{0: 10, 25: 10, 26: 20, 50: 20, 75: 30, 99: 40, 100: 40} {
		assert.Equal(t, want, d.percentile(p), "p%g", p)
	}
	assert.Equal(t, durations{40, 10, 30, 20}, d, "it is not sorted in place")
	assert.Zero(t, durations(nil).percentile(50))
}

// As many measurements as the percentage says are at or below the percentile, and fewer are below.
func TestPercentileIsNearestRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := durations(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.IntRange(-20, 20).Draw(t, "d"))
		}), 1, 200).Draw(t, "durations"))
		p := float64(rapid.IntRange(1, 100).Draw(t, "p"))
		got := d.percentile(p)
		below, atMost := 0, 0
		for _, one := range d {
			if one < got {
				below++
			}
			if one <= got {
				atMost++
			}
		}
		wanted := p / 100 * float64(len(d))
		assert.GreaterOrEqual(t, float64(atMost), wanted)
		assert.Less(t, float64(below), wanted)
	})
}

func TestMean(t *testing.T) {
	assert.Equal(t, 20*time.Millisecond, durations{10 * time.Millisecond, 30 * time.Millisecond}.mean())
	assert.Zero(t, durations(nil).mean())
}

func TestMillis(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1234 * time.Microsecond: "1.2ms", -60 * time.Microsecond: "-100µs",
		123456 * time.Microsecond: "123ms", 1234567 * time.Microsecond: "1.235s",
	} {
		assert.Equal(t, want, millis(d))
	}
}
