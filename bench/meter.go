package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// meter counts tasks that are run, and takes the time from the first of them, or from start, to the
// last. hit may be called by any number of goroutines.
type meter struct {
	goal  int64
	epoch time.Time
	began atomic.Int64 // since the epoch, in ns; 0 before it is known
	ended atomic.Int64
	hits  atomic.Int64
	done  chan struct{} // closed when the goal is reached
}

func newMeter(goal int) *meter {
	return &meter{goal: int64(goal), epoch: time.Now(), done: make(chan struct{})}
}

// now is the time since the epoch, never 0.
func (m *meter) now() int64 { return max(int64(time.Since(m.epoch)), 1) }

// start begins the time before the first task.
func (m *meter) start() { m.began.Store(m.now()) }

// hit counts one task.
func (m *meter) hit() {
	if m.hits.Load() == 0 {
		m.began.CompareAndSwap(0, m.now())
	}
	if m.hits.Add(1) == m.goal {
		m.ended.Store(m.now())
		close(m.done)
	}
}

// await blocks until the goal is reached or ctx is done.
func (m *meter) await(ctx context.Context) error {
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d of %d tasks were run: %w", m.hits.Load(), m.goal, context.Cause(ctx))
	}
}

// reading is how many tasks were run and in what time: up to the goal, or up to now.
func (m *meter) reading() (count int, took time.Duration) {
	m.ended.CompareAndSwap(0, m.now())
	return int(min(m.hits.Load(), m.goal)), time.Duration(m.ended.Load() - m.began.Load())
}

// rate is tasks a second, once the goal is reached.
func (m *meter) rate() float64 {
	return perSecond(int(m.goal), time.Duration(m.ended.Load()-m.began.Load()))
}

func perSecond(count int, took time.Duration) float64 { return float64(count) / took.Seconds() }
