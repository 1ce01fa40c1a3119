package main

import (
	"context"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/version"
	"github.com/warrenmq/warren/tasks"
)

// warrenSystem is Warren with its defaults, as an entrant among peers.
type warrenSystem struct {
	url    string
	body   []byte
	client *broker.Client
}

func openWarrenSystem(ctx context.Context, url, _ string, body []byte) (system, error) {
	client, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	return &warrenSystem{url: url, body: body, client: client}, nil
}

// describeWarren is Warren's version.
func describeWarren() string { return version.Text() }

func (s *warrenSystem) enqueue(ctx context.Context, count int, due time.Time) error {
	return enqueueManyAt(ctx, s.client, count, s.body, due)
}

func (s *warrenSystem) one(ctx context.Context, id string, due time.Time) error {
	_, err := s.client.Enqueue(ctx, tasks.Task{ID: id, Key: key, Payload: s.body, NotBefore: due})
	return err
}

func (s *warrenSystem) work(ctx context.Context, handle func(id string)) (func() error, error) {
	w, err := startWorker(ctx, s.url, func(t *tasks.Task) { handle(t.ID) })
	if err != nil {
		return nil, err
	}
	return w.close, nil
}

func (s *warrenSystem) close() error {
	s.client.Close()
	return nil
}
