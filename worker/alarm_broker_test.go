//go:build integration

package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// While the broker blocks publishers, what waits in a queue is run and acknowledged. Retries and dead
// letters wait for the end of the alarm, and keep no slot; then all goes on by itself.
func TestWorkGoesOnWhilePublishersAreBlocked(t *testing.T) {
	t.Parallel()
	f, b := setupPrivate(t)
	starts, begin := make(chan tasks.Task, 100), make(chan struct{})
	w := f.connect(f.vhost.URL)
	stop := f.runOn(w, worker.Config{Queues: []worker.Queue{{
		Name: "email", Routes: []string{"email.#"}, Concurrency: 1, Prefetch: 50, Retry: soon,
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			<-begin
			starts <- *task
			switch {
			case task.Key == "email.dies":
				return tasks.Permanent(errors.New("dead"))
			case task.Key == "email.fails" && task.Attempt == 1:
				return errors.New("once more")
			}
			return nil
		}),
	}}})
	keys := []string{"email.fails", "email.dies", "email.a", "email.b", "email.c"}
	for _, key := range keys {
		f.enqueue(tasks.Task{Key: key})
	}
	brokertest.SetAlarm(t, b, true)
	blocked, unblock := context.WithTimeout(f.ctx, 2*time.Second)
	defer unblock()
	var err error
	for err == nil { // the broker blocks a connection when that publishes
		_, err = f.client.Enqueue(blocked, tasks.Task{Key: "email.more"})
	}
	require.ErrorIs(t, err, broker.ErrBlocked)
	close(begin)
	for _, key := range keys {
		task := receive(t, starts, "a task, during the alarm")
		for task.Key == "email.more" { // one that was sent before the connection was blocked
			task = receive(t, starts, "a task, during the alarm")
		}
		assert.Equal(t, key, task.Key)
		assert.Equal(t, 1, task.Attempt)
	}
	f.eventually(func() bool { return errors.Is(w.Ready(), broker.ErrBlocked) }, "the worker is blocked too")

	brokertest.SetAlarm(t, b, false)
	for task := receive(t, starts, "the retry"); task.Key != "email.fails"; task = receive(t, starts, "the retry") {
		assert.Equal(t, "email.more", task.Key)
	}
	f.eventually(func() bool {
		depth, err := f.client.Depth(f.ctx, "email.dead")
		return err == nil && depth.Ready == 1
	}, "the dead letter")
	require.NoError(t, w.Ready())
	require.NoError(t, stop())
	depth, err := f.client.Depth(f.ctx, "email")
	require.NoError(t, err)
	assert.Zero(t, depth.Ready, "all is acknowledged")
}
