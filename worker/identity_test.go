//go:build integration

package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// Who enqueued a task is what RabbitMQ says, over a retry too, whatever a header says; a hook that
// lets only one user's tasks run is not deceived.
func TestWhoEnqueuedATask(t *testing.T) {
	t.Parallel()
	f := setup(t)
	alice := brokertest.NewUser(t, f.vhost, brokertest.Everything)
	name := f.connect(alice).User()
	seen := make(chan tasks.Identity, 10)
	f.run(worker.Config{Queues: []worker.Queue{{
		Name: "email", Routes: []string{"email.#"}, Retry: tasks.RetryPolicy{Initial: time.Millisecond},
		Middleware: []tasks.Middleware{middleware.Authorise(func(_ context.Context, t *tasks.Task) error {
			if t.By != (tasks.Identity{Name: name}) {
				return errors.New("only alice may")
			}
			return nil
		})},
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			seen <- task.By
			if task.Attempt == 1 {
				return errors.New("once more")
			}
			return nil
		}),
	}}})
	_, err := f.connect(alice).Enqueue(f.ctx, tasks.Task{Key: "email.x"})
	require.NoError(t, err)
	for range 2 {
		assert.Equal(t, tasks.Identity{Name: name}, receive(t, seen, "a start"))
	}
	for _, forged := range []amqp.Publishing{
		{MessageId: "nobody"},
		{MessageId: "app", AppId: name},
		{MessageId: "header", Headers: amqp.Table{tasks.HeaderEnqueuedBy: name}},
		{MessageId: "header and count", Headers: amqp.Table{tasks.HeaderEnqueuedBy: name, tasks.HeaderSettlement: 3}},
		{Headers: amqp.Table{tasks.HeaderEnqueuedBy: name}}, // republished by the worker, for the want of an ID
	} {
		f.publish("", "email", forged)
		letter := f.get("email.dead")
		assert.Equal(t, "unauthorised", letter.Headers[tasks.HeaderDeadReason], forged.MessageId)
		assert.Contains(t, letter.Headers[tasks.HeaderError], "only alice may")
		assert.NotContains(t, letter.Headers, tasks.HeaderEnqueuedBy)
	}
	assert.Empty(t, seen)
}

// A reply, which whoever enqueues may have sent to any queue, is not taken for a task of the worker's
// own user, and does not come to what is Warren's own.
func TestReplyIsNobodysTask(t *testing.T) {
	t.Parallel()
	f := setup(t)
	seen := make(chan tasks.Identity, 10)
	f.run(worker.Config{Queues: []worker.Queue{
		{Name: "echo", Routes: []string{"echo.#"}, Mux: handle("#", func(ctx context.Context, t *tasks.Task) error {
			tasks.SetResult(ctx, tasks.Result{Body: t.Payload})
			return nil
		})},
		{Name: "import", Routes: []string{"import.#"}, Mux: handle("#", func(_ context.Context, t *tasks.Task) error {
			seen <- t.By
			return nil
		})},
	}})
	pause := []byte(`{"kind":"pause","queue":"import","at":"2026-11-22T09:00:00Z"}`)
	f.publish("warren.tasks", "echo.x", amqp.Publishing{MessageId: "1", ReplyTo: "warren.control", Body: pause})
	f.publish("warren.tasks", "echo.x", amqp.Publishing{MessageId: "2", ReplyTo: "import", Body: pause})
	assert.Equal(t, tasks.Identity{}, receive(t, seen, "the reply"), "and the queue is not paused")
}
