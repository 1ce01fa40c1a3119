//go:build integration

package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/idempotency"
	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// A scheduler that dies before it has noted a tick, and the next one, which emits it again: each derives the
// task ID from entry and fire time, so that the tick has its effect once.
func TestTickEmittedTwiceHasItsEffectOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	effects, outcomes := make(chan string, 10), make(chan error, 10)
	observe := func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
			err := next.HandleTask(ctx, t)
			outcomes <- err
			return err
		})
	}
	f.run(worker.Config{Queues: []worker.Queue{{
		Name: "reports", Routes: []string{"report.#"}, Concurrency: 1, // side by side the second would be put off
		Middleware: []tasks.Middleware{observe, idempotency.Middleware(idempotency.NewMemory(0, nil))},
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			effects <- task.ID
			return nil
		}),
	}}})
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	fire := time.Now().Truncate(time.Second)
	for _, tick := range []time.Time{fire, fire.In(tokyo), fire.Add(time.Second)} {
		_, err := f.client.Public().Enqueue(f.ctx, tasks.Task{
			ID: scheduler.TaskID("daily-report", tick), Key: "report.daily", Schedule: "daily-report", ScheduledFor: tick,
		})
		require.NoError(t, err)
	}
	for range 3 {
		require.NoError(t, receive(t, outcomes, "a task that is done"))
	}
	require.Len(t, effects, 2)
	assert.Equal(t, scheduler.TaskID("daily-report", fire), <-effects)
	assert.Equal(t, scheduler.TaskID("daily-report", fire.Add(time.Second)), <-effects)
}
