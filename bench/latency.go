package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// latency is the time from publishing a task to the start of its handler, where nothing else is
// under way.
type latency struct {
	tasks int
	rate  int // a second
	body  []byte
}

// stopwatch takes a time for each of a number of tasks, whose IDs are their numbers.
type stopwatch struct {
	epoch  time.Time
	since  []atomic.Int64 // from the epoch, in ns
	passed []atomic.Int64
	meter  *meter
}

func newStopwatch(count int) *stopwatch {
	return &stopwatch{
		epoch: time.Now(), since: make([]atomic.Int64, count), passed: make([]atomic.Int64, count), meter: newMeter(count),
	}
}

// from sets the time that a task's is counted from.
func (s *stopwatch) from(task int, at time.Time) { s.since[task].Store(int64(at.Sub(s.epoch))) }

// stop takes the time of a task at its first start.
func (s *stopwatch) stop(id string) {
	now := int64(time.Since(s.epoch))
	task, err := strconv.Atoi(id)
	if err != nil || task < 0 || task >= len(s.passed) {
		return // a stranger: the meter will miss one
	}
	s.passed[task].Store(now - s.since[task].Load())
	s.meter.hit()
}

// times are those of all tasks.
func (s *stopwatch) times() []time.Duration {
	all := make([]time.Duration, len(s.passed))
	for i := range s.passed {
		all[i] = time.Duration(s.passed[i].Load())
	}
	return all
}

// paced calls do for each of a number of tasks, at most rate a second.
func paced(ctx context.Context, count, rate int, do func(task int) error) error {
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for task := range count {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := do(task); err != nil {
			return fmt.Errorf("task %d: %w", task, err)
		}
	}
	return nil
}

func (l latency) ofLoop(ctx context.Context, a *arena) ([]float64, error) {
	s := newStopwatch(l.tasks)
	p, err := openPlainPublisher(a.vhost.URL)
	if err != nil {
		return nil, err
	}
	c, err := startPlainConsumer(a.vhost.URL, false, s.stop)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	err = paced(ctx, l.tasks, l.rate, func(task int) error {
		s.from(task, time.Now())
		return p.one(ctx, plainMessage(strconv.Itoa(task), l.body))
	})
	if err == nil {
		err = s.meter.await(ctx)
	}
	return l.result(s, err, p.close(), c.close())
}

func (l latency) ofWarren(ctx context.Context, a *arena) ([]float64, error) {
	s := newStopwatch(l.tasks)
	w, err := startWorker(ctx, a.vhost.URL, func(t *tasks.Task) { s.stop(t.ID) })
	if err != nil {
		return nil, err
	}
	err = paced(ctx, l.tasks, l.rate, func(task int) error {
		s.from(task, time.Now())
		_, err := w.client.Enqueue(ctx, tasks.Task{ID: strconv.Itoa(task), Key: key, Payload: l.body})
		return err
	})
	if err == nil {
		err = w.await(ctx, s.meter)
	}
	return l.result(s, err, w.close())
}

func (l latency) result(s *stopwatch, failures ...error) ([]float64, error) {
	times := s.times()
	return []float64{millis(percentile(times, 50)), millis(percentile(times, 99))}, errors.Join(failures...)
}
