package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

const (
	// callers is how many tasks may be on their way at once. Where the broker is away they wait, and
	// all that has come due meanwhile follows when it is back.
	callers = 200
	// republishPause is how long a task waits that was not published.
	republishPause = 50 * time.Millisecond
)

// publication is what the publisher knows of one task.
type publication struct {
	first       time.Time // when it was first sent
	sent        time.Time // when it was last sent
	confirmed   time.Time
	notBefore   time.Time // the zero time: at once
	unconfirmed int       // how often it was sent and not confirmed, and therefore sent again
}

// publisher publishes the tasks of a plan, each until it is confirmed.
type publisher struct {
	client *broker.Client
	began  time.Time

	mu        sync.Mutex
	published map[string]*publication
	confirmed atomic.Int64
	refusals  atomic.Int64 // how often a task was not published, and tried again
}

// run publishes all tasks at their times, and returns when they are confirmed.
func (p *publisher) run(ctx context.Context, all []*item) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(callers)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, t := range all {
		timer.Reset(time.Until(p.began.Add(t.at)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return errors.Join(group.Wait(), ctx.Err())
		}
		group.Go(func() error { return p.publish(ctx, t) })
	}
	return group.Wait()
}

// publish publishes one task under its ID until it is confirmed.
func (p *publisher) publish(ctx context.Context, t *item) error {
	body, err := json.Marshal(t.script)
	if err != nil {
		return err
	}
	known := &publication{first: time.Now()}
	task := tasks.Task{ID: t.id, Key: t.kind.key, Payload: body, Priority: t.priority, MaxAttempts: t.kind.attempts}
	if t.delay > 0 {
		known.notBefore = known.first.Add(t.delay)
		task.NotBefore = known.notBefore
	}
	p.mu.Lock()
	p.published[t.id] = known
	p.mu.Unlock()
	var to tasks.Enqueuer = p.client
	if t.kind.ends == parked {
		to = p.client.Public()
	}
	for {
		known.sent = time.Now()
		_, err := to.Enqueue(ctx, task)
		switch {
		case err == nil:
			known.confirmed = time.Now()
			p.confirmed.Add(1)
			return nil
		case ctx.Err() != nil:
			return err
		case errors.Is(err, broker.ErrUnconfirmed): // as its doc says: again under the same ID
			known.unconfirmed++
		case errors.Is(err, broker.ErrNotConnected), errors.Is(err, broker.ErrNacked), errors.Is(err, broker.ErrBlocked),
			errors.Is(err, broker.ErrRefused), errors.Is(err, context.DeadlineExceeded):
			p.refusals.Add(1)
		default:
			return fmt.Errorf("publish %s (%s): %w", t.id, t.kind.name, err)
		}
		pause := time.NewTimer(republishPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}
