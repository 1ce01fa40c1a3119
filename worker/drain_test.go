//go:build integration

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

func TestStopFinishesWhatRunsAndGivesBackTheRest(t *testing.T) {
	t.Parallel()
	f := setup(t)
	began, finish := make(chan string, 10), make(chan struct{})
	stop := f.run(worker.Config{Grace: patience, Queues: []worker.Queue{{
		Name: "slow", Routes: []string{"slow.#"}, Concurrency: 2,
		Mux: handle("#", func(ctx context.Context, task *tasks.Task) error {
			began <- task.ID
			<-finish
			return ctx.Err() // nil: the grace period is not over
		}),
	}}})
	for range 6 {
		f.enqueue(tasks.Task{Key: "slow.x"})
	}
	running := []string{receive(t, began, "a task"), receive(t, began, "a task")}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	f.eventually(func() bool { return f.depth("slow") == 4 }, "what has not begun goes back at once")
	assert.Empty(t, stopped, "but the worker waits for what runs")
	close(finish)
	require.NoError(t, receive(t, stopped, "the end of the worker"))
	assert.Equal(t, 4, f.depth("slow"), "what ran is done")
	assert.Empty(t, began, "and nothing else was begun")
	for range 4 {
		assert.NotContains(t, running, f.get("slow").MessageId)
	}
}

func TestStopCancelsWhatOutlivesTheGracePeriod(t *testing.T) {
	t.Parallel()
	f := setup(t)
	began := make(chan struct{}, 10)
	stop := f.run(worker.Config{Grace: -1, Queues: []worker.Queue{{
		Name: "slow", Routes: []string{"slow.#"},
		Mux: handle("#", func(ctx context.Context, _ *tasks.Task) error {
			began <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}),
	}}})
	id := f.enqueue(tasks.Task{Key: "slow.x"})
	receive(t, began, "the task")
	require.NoError(t, stop())
	d := f.get("slow")
	assert.Equal(t, id, d.MessageId)
	assert.NotContains(t, d.Headers, tasks.HeaderAttempt, "it did not fail")
	assert.Zero(t, f.depth("slow.dead"))
}

func TestStopGivesUpAHandlerThatDoesNotHeed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	began, finish := make(chan struct{}, 10), make(chan struct{})
	returned := make(chan struct{})
	stop := f.run(worker.Config{Grace: -1, StopTimeout: 200 * time.Millisecond, Queues: []worker.Queue{{
		Name: "slow", Routes: []string{"slow.#"},
		Mux: handle("#", func(context.Context, *tasks.Task) error {
			began <- struct{}{}
			<-finish
			close(returned)
			return nil
		}),
	}}})
	id := f.enqueue(tasks.Task{Key: "slow.x"})
	receive(t, began, "the task")
	err := stop()
	require.ErrorContains(t, err, "queue slow: 1 handlers did not end within 200ms")
	assert.Equal(t, id, f.get("slow").MessageId, "the broker has it back")
	close(finish)
	receive(t, returned, "the handler's end")
}

func TestPrioritiesThroughPrefetch(t *testing.T) {
	t.Parallel()
	f := setup(t)
	began, next := make(chan tasks.Task, 1000), make(chan struct{}, 1000)
	stop := f.run(worker.Config{Queues: []worker.Queue{{
		Name: "mixed", Routes: []string{"mixed.#"}, Concurrency: 1, Prefetch: 600,
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error { began <- *task; <-next; return nil }),
	}}})
	for range 100 {
		f.enqueue(tasks.Task{Key: "mixed.low", Priority: 1})
	}
	receive(t, began, "the first low task")
	f.eventually(func() bool { return f.depth("mixed") == 0 }, "all are prefetched")
	high := f.enqueue(tasks.Task{Key: "mixed.high", Priority: 9})
	f.eventually(func() bool { return f.depth("mixed") == 0 }, "the high one too")
	// Ready is 0 once the broker has sent it; a few completions are allowed until it has arrived.
	position := 0
	for {
		next <- struct{}{}
		position++
		if receive(t, began, "a task").ID == high {
			break
		}
	}
	assert.LessOrEqual(t, position, 3)
	close(next)
	require.NoError(t, stop())
}

func TestManyTasksThroughCutConnections(t *testing.T) {
	t.Parallel()
	f := setup(t)
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(proxy.URL())
	ran := make(chan string, 10_000)
	stop := f.runOn(client, worker.Config{Queues: []worker.Queue{{
		Name: "many", Routes: []string{"many.#"}, Retry: soon,
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			if task.Attempt == 1 && task.Payload[0]%3 == 0 {
				return errors.New("the first attempt fails")
			}
			ran <- task.ID
			return nil
		}),
	}}})
	const count = 400
	open := map[string]bool{}
	for i := range count {
		open[f.enqueue(tasks.Task{Key: "many.x", Payload: []byte{byte(i)}})] = true
		if i%100 == 50 {
			proxy.Cut()
		}
	}
	runs := 0
	for len(open) > 0 {
		delete(open, receive(t, ran, fmt.Sprintf("one of %d tasks", len(open))))
		runs++
	}
	f.eventually(func() bool { return f.depth("many") == 0 }, "the queue is empty")
	require.NoError(t, stop())
	assert.Zero(t, f.depth("many.dead"))
	t.Logf("%d tasks, %d runs", count, runs)
}

func TestWorkerDeclaresWhatSomebodyDeletes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ran := make(chan string, 10)
	f.run(worker.Config{Queues: []worker.Queue{{
		Name: "email", Routes: []string{"email.#"}, Retry: soon,
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			if task.Attempt == 1 {
				for k := range 14 {
					_ = f.amqp.ExchangeDelete(fmt.Sprintf("warren.delay.%02d", k), false, false)
				}
				return tasks.RetryAfter(time.Second, errors.New("again"))
			}
			ran <- task.ID
			return nil
		}),
	}}})
	id := f.enqueue(tasks.Task{Key: "email.x"})
	assert.Equal(t, id, receive(t, ran, "the retry, though the ladder was deleted under it"))
}
