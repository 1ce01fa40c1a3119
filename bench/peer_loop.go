package main

import (
	"context"
	"errors"
	"time"
)

// errNoDelays is what the loop says of a task that is delayed: it has nothing for it.
var errNoDelays = errors.New("the loop has no delays")

// loopSystem is the hand-written loop as an entrant among peers: it publishes with pipelined confirms and
// acknowledges each task.
type loopSystem struct {
	url       string
	body      []byte
	publisher *plainPublisher
}

func openLoopSystem(_ context.Context, url, _ string, body []byte) (system, error) {
	p, err := openPlainPublisher(url)
	if err != nil {
		return nil, err
	}
	return &loopSystem{url: url, body: body, publisher: p}, nil
}

func (s *loopSystem) enqueue(ctx context.Context, count int, due time.Time) error {
	if !due.IsZero() {
		return errNoDelays
	}
	return s.publisher.many(ctx, count, s.body)
}

func (s *loopSystem) one(ctx context.Context, id string, due time.Time) error {
	if !due.IsZero() {
		return errNoDelays
	}
	return s.publisher.one(ctx, plainMessage(id, s.body))
}

func (s *loopSystem) work(_ context.Context, handle func(id string)) (func() error, error) {
	c, err := startPlainConsumer(s.url, false, handle)
	if err != nil {
		return nil, err
	}
	return c.close, nil
}

func (s *loopSystem) close() error { return s.publisher.close() }
