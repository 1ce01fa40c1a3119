package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// delays is how late delayed tasks start.
type delays struct {
	tasks int
	rate  int // a second
	upTo  time.Duration
	body  []byte
}

// errEarly is a delayed task that was run before its time, which is not a matter of speed.
var errEarly = errors.New("a delayed task was run too early")

func (d delays) ofWarren(ctx context.Context, a *arena) ([]float64, error) {
	s := newStopwatch(d.tasks)
	w, err := startWorker(ctx, a.vhost.URL, func(t *tasks.Task) { s.stop(t.ID) })
	if err != nil {
		return nil, err
	}
	err = paced(ctx, d.tasks, d.rate, func(task int) error {
		due := time.Now().Add(rand.N(d.upTo))
		s.from(task, due)
		_, err := w.client.Enqueue(ctx, tasks.Task{ID: strconv.Itoa(task), Key: key, Payload: d.body, NotBefore: due})
		return err
	})
	if err == nil {
		err = w.await(ctx, s.meter)
	}
	times := s.times()
	least := percentile(times, 0)
	if err == nil && least < 0 {
		err = errEarly
	}
	return []float64{
		millis(least), millis(percentile(times, 50)), millis(percentile(times, 99)), millis(percentile(times, 100)),
	}, errors.Join(err, w.close())
}
