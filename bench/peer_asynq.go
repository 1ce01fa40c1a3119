package main

import (
	"context"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"
)

// variantDefaults has asynq and River look for work as seldom as they do by default; otherwise as often as
// their options allow to good effect.
const variantDefaults = "defaults"

// How often asynq looks for new tasks when it has none, and for delayed ones that are due.
const (
	asynqCheck   = 5 * time.Millisecond
	asynqDelayed = 10 * time.Millisecond
)

// asynqType is the type of its tasks.
const asynqType = "bench:task"

// asynqSystem is asynq. It has no call for many tasks, so callers goroutines enqueue, each on a connection
// of its own.
type asynqSystem struct {
	redis   asynq.RedisClientOpt
	variant string
	body    []byte
	client  *asynq.Client
}

func openAsynq(_ context.Context, url, variant string, body []byte) (system, error) {
	s := &asynqSystem{redis: asynq.RedisClientOpt{Addr: url, PoolSize: callers}, variant: variant, body: body}
	s.client = asynq.NewClient(s.redis)
	return s, s.client.Ping()
}

func (s *asynqSystem) enqueue(ctx context.Context, count int, due time.Time) error {
	group, ctx := errgroup.WithContext(ctx)
	for caller := range callers {
		group.Go(func() error {
			for range share(count, caller, callers) {
				if err := s.put(ctx, due); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (s *asynqSystem) one(ctx context.Context, id string, due time.Time) error {
	return s.put(ctx, due, asynq.TaskID(id))
}

func (s *asynqSystem) put(ctx context.Context, due time.Time, options ...asynq.Option) error {
	if !due.IsZero() {
		options = append(options, asynq.ProcessAt(due))
	}
	_, err := s.client.EnqueueContext(ctx, asynq.NewTask(asynqType, s.body), options...)
	return err
}

func (s *asynqSystem) work(_ context.Context, handle func(id string)) (func() error, error) {
	config := asynq.Config{Concurrency: concurrency, LogLevel: asynq.FatalLevel}
	if s.variant != variantDefaults {
		config.TaskCheckInterval, config.DelayedTaskCheckInterval = asynqCheck, asynqDelayed
	}
	server := asynq.NewServer(s.redis, config)
	err := server.Start(asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
		id, _ := asynq.GetTaskID(ctx)
		handle(id)
		return nil
	}))
	if err != nil {
		return nil, err
	}
	return func() error {
		server.Shutdown()
		return nil
	}, nil
}

func (s *asynqSystem) close() error { return s.client.Close() }
