//go:build integration

package worker_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// soon is a retry policy that does not keep a test waiting.
var soon = tasks.RetryPolicy{MaxAttempts: 3, Initial: 10 * time.Millisecond, Factor: 1, Jitter: tasks.NoJitter}

func TestTaskIsDone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ran := make(chan tasks.Task, 1)
	stop := f.run(worker.Config{Queues: []worker.Queue{{
		Name: "email", Routes: []string{"email.#"},
		Mux: handle("email.*", func(_ context.Context, task *tasks.Task) error { ran <- *task; return nil }),
	}}})
	id := f.enqueue(tasks.Task{Key: "email.welcome", Payload: []byte(`{"user":7}`), Priority: 8, Headers: map[string]any{"tenant": "a"}})
	task := receive(t, ran, "the task")
	assert.Equal(t, id, task.ID)
	assert.Equal(t, "email.welcome", task.Key)
	assert.Equal(t, `{"user":7}`, string(task.Payload))
	assert.Equal(t, 8, task.Priority)
	assert.Equal(t, 1, task.Attempt)
	assert.Equal(t, "email", task.Queue)
	assert.Equal(t, map[string]any{"tenant": "a"}, task.Headers)
	require.NoError(t, stop())
	assert.Zero(t, f.depth("email"))
	assert.Zero(t, f.depth("email.dead"))
}

func TestAlwaysFailingTaskIsDeadAfterItsAttempts(t *testing.T) {
	t.Parallel()
	f := setup(t)
	attempts := make(chan tasks.Task, 10)
	other := make(chan struct{}, 10)
	f.run(worker.Config{Queues: []worker.Queue{
		{
			Name: "email", Routes: []string{"email.#"}, Retry: soon,
			Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
				attempts <- *task
				return errors.New("connection refused")
			}),
		},
		{Name: "audit", Routes: []string{"#"}, Mux: handle("#", func(context.Context, *tasks.Task) error { other <- struct{}{}; return nil })},
	}})
	id := f.enqueue(tasks.Task{Key: "email.welcome", Payload: []byte("payload"), Priority: 7, Headers: map[string]any{"tenant": "a"}})
	for n := 1; n <= 3; n++ {
		task := receive(t, attempts, "an attempt")
		assert.Equal(t, n, task.Attempt)
		assert.Equal(t, id, task.ID)
		assert.Equal(t, "email.welcome", task.Key)
		assert.Equal(t, 7, task.Priority)
		assert.Len(t, task.Errors, n-1)
		assert.Equal(t, "payload", string(task.Payload))
	}
	dead := f.get("email.dead")
	assert.Equal(t, id, dead.MessageId)
	assert.Equal(t, "payload", string(dead.Body))
	assert.Equal(t, "attempts-exhausted", dead.Headers[tasks.HeaderDeadReason])
	assert.Equal(t, "connection refused", dead.Headers[tasks.HeaderError])
	assert.Equal(t, "email.welcome", dead.Headers[tasks.HeaderRoutingKey])
	assert.Equal(t, "email", dead.Headers[tasks.HeaderQueue])
	assert.Equal(t, "tester", dead.Headers[tasks.HeaderWorker])
	assert.Equal(t, "a", dead.Headers["tenant"])
	assert.EqualValues(t, 3, dead.Headers[tasks.HeaderAttempt])
	assert.EqualValues(t, 7, dead.Priority)
	_, err := time.Parse(time.RFC3339, dead.Headers[tasks.HeaderFailedAt].(string))
	require.NoError(t, err)
	history := dead.Headers[tasks.HeaderErrors].([]any)
	require.Len(t, history, 3)
	for i, line := range history {
		assert.Regexp(t, `^#`+string(rune('1'+i))+` 20..-..-..T..:..:..Z tester: connection refused$`, line)
	}
	receive(t, other, "the other queue's task")
	assert.Empty(t, other, "a retry does not fan out")
	assert.Empty(t, attempts)
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	starts := make(chan started, 100)
	mux := tasks.NewMux()
	on := func(key string, h func(ctx context.Context, task *tasks.Task) error) {
		mux.HandleFunc(key, func(ctx context.Context, task *tasks.Task) error {
			starts <- started{*task, time.Now()}
			return h(ctx, task)
		})
	}
	on("o.permanent", func(context.Context, *tasks.Task) error { return tasks.Permanent(errors.New("no such user")) })
	on("o.panic", func(context.Context, *tasks.Task) error { panic("oh") })
	on("o.goexit", func(context.Context, *tasks.Task) error { runtime.Goexit(); return nil })
	on("o.timeout", func(ctx context.Context, _ *tasks.Task) error { <-ctx.Done(); return ctx.Err() })
	on("o.after", func(_ context.Context, task *tasks.Task) error {
		if task.Attempt == 1 {
			return tasks.RetryAfter(300*time.Millisecond, errors.New("busy"))
		}
		return nil
	})
	snoozed := false
	on("o.snooze", func(_ context.Context, task *tasks.Task) error {
		if !snoozed {
			snoozed = true
			return tasks.Snooze(250 * time.Millisecond)
		}
		return nil
	})
	f.run(worker.Config{Queues: []worker.Queue{{Name: "o", Routes: []string{"o.#"}, Retry: soon, Mux: mux}}})

	dead := func(key string, change ...func(*tasks.Task)) (amqp.Table, int) {
		t.Helper()
		task := tasks.Task{Key: key, Payload: []byte("p")}
		for _, c := range change {
			c(&task)
		}
		id := f.enqueue(task)
		d := f.get("o.dead")
		require.Equal(t, id, d.MessageId)
		count := 0
		for len(starts) > 0 {
			<-starts
			count++
		}
		return d.Headers, count
	}

	headers, count := dead("o.permanent")
	assert.Equal(t, "permanent", headers[tasks.HeaderDeadReason])
	assert.Equal(t, "no such user", headers[tasks.HeaderError])
	assert.Len(t, headers[tasks.HeaderErrors], 1)
	assert.Equal(t, 1, count)

	headers, count = dead("o.panic")
	assert.Equal(t, "attempts-exhausted", headers[tasks.HeaderDeadReason])
	assert.Contains(t, headers[tasks.HeaderError], "handler panicked: oh")
	assert.Equal(t, 3, count)

	headers, count = dead("o.timeout", func(task *tasks.Task) { task.Timeout = 20 * time.Millisecond; task.MaxAttempts = 1 })
	assert.Equal(t, "attempts-exhausted", headers[tasks.HeaderDeadReason])
	assert.Contains(t, headers[tasks.HeaderError], "timed out after 20ms")
	assert.Equal(t, 1, count)

	headers, count = dead("o.nobody")
	assert.Equal(t, "no-handler", headers[tasks.HeaderDeadReason])
	assert.Zero(t, count)

	headers, count = dead("o.permanent", func(task *tasks.Task) { task.ExpiresAt = time.Now().Add(-time.Second) })
	assert.Equal(t, "expired", headers[tasks.HeaderDeadReason])
	assert.Zero(t, count)

	headers, count = dead("o.goexit", func(task *tasks.Task) { task.MaxAttempts = 2 })
	assert.Equal(t, "attempts-exhausted", headers[tasks.HeaderDeadReason])
	assert.Contains(t, headers[tasks.HeaderError], "runtime.Goexit")
	assert.Equal(t, 2, count)

	f.enqueue(tasks.Task{Key: "o.after"})
	first := receive(t, starts, "the first attempt")
	second := receive(t, starts, "the second attempt")
	assert.GreaterOrEqual(t, second.at.Sub(first.at), 300*time.Millisecond)
	assert.Equal(t, first.task.ID, second.task.ID)
	assert.Equal(t, 2, second.task.Attempt)

	f.enqueue(tasks.Task{Key: "o.snooze"})
	first = receive(t, starts, "the first start")
	again := receive(t, starts, "the start after the snooze")
	assert.GreaterOrEqual(t, again.at.Sub(first.at), 250*time.Millisecond)
	assert.Equal(t, 1, again.task.Attempt, "a snooze does not count")
}

func TestWhatCannotBeRepublishedIsRejectedIntoTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.run(worker.Config{Queues: []worker.Queue{{
		Name: "email", Routes: []string{"email.#"}, Retry: soon,
		Mux: handle("#", func(context.Context, *tasks.Task) error {
			return tasks.Permanent(errors.New(strings.Repeat("long ", 500)))
		}),
	}}})
	f.publish("warren.tasks", "email.x", amqp.Publishing{
		// fits a frame, and with the broker's x-death still, but not with two kilobytes of error
		MessageId: "big", Headers: amqp.Table{"big": strings.Repeat("x", 129_500)},
	})
	d := f.get("email.dead")
	assert.Equal(t, "big", d.MessageId)
	death := d.Headers["x-death"].([]any)[0].(amqp.Table)
	assert.Equal(t, "rejected", death["reason"])
}

func TestForeignMessageWithoutAnIDIsGivenOne(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ran := make(chan tasks.Task, 10)
	mux := handle("#", func(_ context.Context, task *tasks.Task) error { ran <- *task; return nil })
	stop := f.run(worker.Config{Queues: []worker.Queue{
		{Name: "email", Routes: []string{"email.#"}, Mux: mux}, {Name: "copy", Routes: []string{"copy.#"}, Mux: mux},
	}})
	f.publish("warren.tasks", "email.x", amqp.Publishing{Body: []byte("{}"), UserId: "guest", AppId: "pika", Headers: amqp.Table{"CC": []any{"copy.y"}}})
	queues := map[string]bool{}
	for range 2 { // the CC is a second work
		task := receive(t, ran, "the task")
		queues[task.Queue] = true
		assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-7`, task.ID)
		assert.Equal(t, "{}", string(task.Payload))
		assert.Equal(t, "guest", task.EnqueuedBy)
		assert.Equal(t, "pika", task.AppID)
		assert.Equal(t, 1, task.Settlement)
	}
	assert.Len(t, queues, 2)
	require.NoError(t, stop())
	assert.Empty(t, ran, "the CC does not fan out again")
}

// A snooze says that somebody came back from the task alive; where the handler was not begun nobody did,
// and a task that kills its workers is not acquitted by waiting for its turn.
func TestWhatWasNotBegunKeepsItsRedeliveries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	seen := make(chan int, 10)
	f.run(worker.Config{Queues: []worker.Queue{{Name: "email", Routes: []string{"email.#"}, Mux: handle("#",
		func(_ context.Context, task *tasks.Task) error {
			seen <- task.Redeliveries
			switch task.Settlement {
			case 0:
				return tasks.NotBegun(time.Millisecond)
			case 1:
				return tasks.Snooze(time.Millisecond)
			}
			return nil
		}),
	}}})
	f.publish("", "email", amqp.Publishing{MessageId: "1", Headers: amqp.Table{tasks.HeaderRedeliveries: 2}})
	for _, want := range []int{2, 2, 0} {
		assert.Equal(t, want, receive(t, seen, "a start"))
	}
}
