package worker

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// The busy time between any two moments is that of a naive sum, also where the counter has wrapped
// around, as it has after some years.
func TestBusyTimeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b busyTime
		now := rapid.SampledFrom([]int64{0, 1 << 30, 1<<47 - 5000}).Draw(t, "start")
		seen, running, busy := b.until(now), int64(0), int64(0)
		pass := func(t *rapid.T) {
			d := rapid.Int64Range(0, 2000).Draw(t, "µs")
			now += d
			busy += running * d
		}
		t.Repeat(map[string]func(*rapid.T){
			"began": func(t *rapid.T) {
				pass(t)
				b.began(now)
				running++
			},
			"ended": func(t *rapid.T) {
				if running == 0 {
					return
				}
				pass(t)
				b.ended(now)
				running--
			},
			"measure": func(t *rapid.T) {
				pass(t)
				until := b.until(now)
				if got := elapsed(seen, until); got != busy {
					t.Fatalf("busy for %d µs, %d were told", busy, got)
				}
				seen, busy = until, 0
			},
		})
	})
}

// As many tasks as there may be, begun and ended at once, leave the right sum.
func TestBusyTimeIsForManyGoroutines(t *testing.T) {
	var b busyTime
	var all sync.WaitGroup
	for range MaxConcurrency {
		all.Go(func() {
			b.began(1000)
			b.until(2000)
		})
	}
	all.Wait()
	assert.EqualValues(t, MaxConcurrency*2000, b.until(3000))
	for range MaxConcurrency {
		all.Go(func() { b.ended(1500) })
	}
	all.Wait()
	assert.EqualValues(t, MaxConcurrency*500, b.until(3000))
}

func TestLoadCountsRunningTasks(t *testing.T) {
	now := time.Now()
	l := load{epoch: now, memory: 20}
	assert.Zero(t, l.over(time.Second), "nothing is known")
	l.began(now)
	assert.Zero(t, l.measure(now.Add(time.Second)))
	assert.Zero(t, l.over(time.Second), "none has ended")
	l.ended(now.Add(2 * time.Second))
	assert.Equal(t, 1, l.measure(now.Add(3*time.Second)))
	assert.InDelta(t, 1, l.over(2*time.Second), 0.05)
	for range 10 { // nothing runs
		now = now.Add(time.Hour)
		assert.Zero(t, l.measure(now))
	}
	assert.InDelta(t, 1, l.over(2*time.Second), 0.05)
	l.began(now)
	l.measure(now.Add(6 * time.Second))
	assert.InDelta(t, 1, l.over(8*time.Second), 0.05, "one that still runs raises the mean")

	l.began(now.Add(24 * time.Hour)) // after the measurement had its time
	l.measure(now.Add(6 * time.Second))
	assert.InDelta(t, 1, l.over(8*time.Second), 0.05)

	instant := load{epoch: now, memory: 20}
	instant.began(now)
	instant.ended(now)
	instant.measure(now)
	assert.True(t, math.IsInf(instant.over(time.Second), 1))
}

// BenchmarkLoad is what a task costs that is counted.
func BenchmarkLoad(b *testing.B) {
	now := time.Now()
	w := newWindow(10, now)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w.began(now)
			w.ended(now)
		}
	})
}
