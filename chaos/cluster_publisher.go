package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

// loadCallers is how many tasks of one publisher may be on their way at once: more than come due in a
// stall that is judged.
const loadCallers = 3000

// sent is what the publishers know of one task.
type sent struct {
	load
	due       time.Time
	confirmed time.Time // the zero time: never
	notBefore time.Time // the zero time: at once
	resent    int       // how often it was sent, neither confirmed nor surely refused, and sent again
	nacked    int       // how often of those RabbitMQ had refused it
}

// loader publishes a steady load from several clients, each task until it is confirmed.
type loader struct {
	clients []*broker.Client
	seed    uint64
	rate    int

	mu   sync.Mutex
	all  []*sent
	odd  map[string]int // what publishing came to that it should not, and how often
	over time.Time      // when the last task came due
}

// run publishes at its rate until stop is closed, and returns when all is confirmed.
func (l *loader) run(ctx context.Context, stop <-chan struct{}) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(loadCallers * len(l.clients))
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		due := began.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-stop:
			return group.Wait()
		case <-ctx.Done():
			return errors.Join(group.Wait(), context.Cause(ctx))
		}
		s := &sent{load: newLoad(l.seed, n), due: due}
		l.mu.Lock()
		l.all, l.over = append(l.all, s), due
		l.mu.Unlock()
		group.Go(func() error { return l.publish(ctx, s) })
	}
}

// publish publishes one task under its ID until it is confirmed.
func (l *loader) publish(ctx context.Context, s *sent) error {
	body, err := json.Marshal(s.script)
	if err != nil {
		return err
	}
	task := tasks.Task{ID: s.id, Key: loadKey(s.queue), Payload: body}
	if s.delay > 0 {
		s.notBefore = s.due.Add(s.delay)
		task.NotBefore = s.notBefore
	}
	for {
		_, err := l.clients[s.publisher].Enqueue(ctx, task)
		switch {
		case err == nil:
			l.mu.Lock()
			s.confirmed = time.Now()
			l.mu.Unlock()
			return nil
		case ctx.Err() != nil:
			return err
		case errors.Is(err, broker.ErrNacked): // by a queue without a leader, which may have it all the same
			s.resent++
			s.nacked++
		case errors.Is(err, broker.ErrUnconfirmed):
			s.resent++
		case errors.Is(err, broker.ErrNotConnected), errors.Is(err, broker.ErrBlocked), errors.Is(err, context.DeadlineExceeded):
		default:
			l.mu.Lock()
			l.odd[err.Error()]++
			l.mu.Unlock()
		}
		if !pauseFor(ctx, republishPause) {
			return context.Cause(ctx)
		}
	}
}
