package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// historyOften is how many times as many rounds a drain with history has: what is to be shown is a few
// hundredths, less than what one round differs from the next.
const historyOften = 3

// historyTimeout is how long the last of the history may take after a drain.
const historyTimeout = 10 * time.Second

// historyStream is the stream as a configuration declares it by default, but for how long it keeps.
var historyStream = routing.StreamSpec{Name: routing.Names{}.History(), SegmentBytes: 16 << 20}

// drainTelling drains by a worker that keeps its history at a level.
func (t throughput) drainTelling(level history.Level) func(context.Context, *arena) ([]float64, error) {
	return func(ctx context.Context, a *arena) ([]float64, error) {
		if err := t.fill(ctx, a); err != nil {
			return nil, err
		}
		client, err := a.connect(ctx)
		if err != nil {
			return nil, err
		}
		var kept *history.Recorder
		if level != history.Off {
			kept, err = history.New(client, history.Config{Stream: historyStream.Name, Level: level})
			if err != nil {
				client.Close()
				return nil, err
			}
		}
		began := time.Now()
		m := newMeter(t.tasks)
		w, err := startWorkerOn(ctx, client, kept, func(*tasks.Task) { m.hit() })
		if err != nil {
			return nil, err
		}
		err = errors.Join(w.await(ctx, m), w.close())
		if err == nil && level != history.Off {
			err = t.mustBeTold(ctx, a, began)
		}
		return t.result(a, m, err)
	}
}

// mustBeTold returns an error where the history does not have the end of every task since a time.
func (t throughput) mustBeTold(ctx context.Context, a *arena, since time.Time) error {
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	count := 0
	filter := history.Filter{Since: since, Kinds: []history.Kind{history.Succeeded}}
	err = history.Read(ctx, client, historyStream.Name, filter, func(history.Event) error { count++; return nil })
	if err == nil && count != t.tasks {
		err = fmt.Errorf("the history has the end of %d tasks of %d", count, t.tasks)
	}
	return err
}
