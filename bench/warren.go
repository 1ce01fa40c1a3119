package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// enqueueMany publishes tasks by one call.
func enqueueMany(ctx context.Context, client *broker.Client, count int, body []byte) error {
	return enqueueManyAt(ctx, client, count, body, time.Time{})
}

// enqueueManyAt is enqueueMany of tasks that are due at a time.
func enqueueManyAt(ctx context.Context, client *broker.Client, count int, body []byte, due time.Time) error {
	many := make([]tasks.Task, count)
	for i := range many {
		many[i] = tasks.Task{Key: key, Payload: body, NotBefore: due}
	}
	for _, outcome := range client.EnqueueMany(ctx, many) {
		if outcome.Err != nil {
			return outcome.Err
		}
	}
	return nil
}

// callers is how many goroutines enqueue one task at a time.
const callers = 100

// enqueueEach publishes tasks by single calls of Enqueue, each of which waits for its confirm, from
// callers goroutines.
func enqueueEach(ctx context.Context, client *broker.Client, count int, body []byte) error {
	group, ctx := errgroup.WithContext(ctx)
	for caller := range callers {
		group.Go(func() error {
			for range share(count, caller, callers) {
				if _, err := client.Enqueue(ctx, tasks.Task{Key: key, Payload: body}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// share is how many of count things the i-th of several takes.
func share(count, i, of int) int {
	n := count / of
	if i < count%of {
		n++
	}
	return n
}

// warrenWorker is a worker that runs, with its client.
type warrenWorker struct {
	client *broker.Client
	kept   *history.Recorder // nil: it keeps no history
	cancel context.CancelFunc
	ended  chan error
}

// startWorker returns when a worker with its defaults, but for the log, consumes; it runs until it is
// closed.
func startWorker(ctx context.Context, url string, handle func(*tasks.Task)) (*warrenWorker, error) {
	client, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	return startWorkerOn(ctx, client, nil, handle)
}

// startWorkerOn is startWorker on a client, and with a history, or without. Both are closed with it, and where it
// cannot be started.
func startWorkerOn(ctx context.Context, client *broker.Client, kept *history.Recorder, handle func(*tasks.Task)) (*warrenWorker, error) {
	var events tasks.Recorder
	if kept != nil {
		events = kept
	}
	mux := tasks.NewMux()
	mux.HandleFunc(pattern, func(_ context.Context, t *tasks.Task) error {
		handle(t)
		return nil
	})
	w, err := worker.New(client, worker.Config{
		Queues: []worker.Queue{{Name: queueName, Routes: []string{pattern}, Mux: mux}},
		Events: events,
		Log:    slog.New(slog.DiscardHandler),
	})
	life, cancel := context.WithCancel(ctx)
	started := &warrenWorker{client: client, kept: kept, cancel: cancel, ended: make(chan error, 1)}
	if err != nil {
		started.ended <- nil // it has never run
		return nil, errors.Join(err, started.close())
	}
	go func() { started.ended <- w.Run(life) }()
	if err := started.awaitReady(ctx, w); err != nil {
		return nil, errors.Join(err, started.close())
	}
	return started, nil
}

// awaitReady blocks until a worker consumes.
func (w *warrenWorker) awaitReady(ctx context.Context, run *worker.Worker) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for run.Ready() != nil {
		select {
		case err := <-w.ended:
			return w.died(ctx, err)
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

// died is the error of a worker that has ended without being asked to, which close sees too.
func (w *warrenWorker) died(ctx context.Context, err error) error {
	w.ended <- nil
	return fmt.Errorf("the worker has ended by itself: %w", errors.Join(err, ctx.Err()))
}

// await blocks until a meter has reached its goal, and returns an error where the worker ends
// before.
func (w *warrenWorker) await(ctx context.Context, m *meter) error {
	select {
	case err := <-w.ended:
		return w.died(ctx, err)
	case <-m.done:
		return nil
	case <-ctx.Done():
		return m.await(ctx)
	}
}

// close stops the worker, which acknowledges what it has run, has the last of its history kept, and closes
// its client.
func (w *warrenWorker) close() error {
	w.cancel()
	defer w.client.Close()
	err := <-w.ended
	if w.kept == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	return errors.Join(err, w.kept.Close(ctx))
}
