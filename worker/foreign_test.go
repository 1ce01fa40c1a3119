//go:build integration

package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// A foreign message with everything that a message can carry fails, snoozes, fails again by way of
// the ladder and dies. Each start, and the letter, has it byte for byte, but for what must not be
// kept. (The broker refuses a user_id that is not ours and a frame that is too large, fans out again
// over CC, cuts delays short by expiration, and drops what seems to go in a circle.)
func TestForeignMessageIsKeptByteForByte(t *testing.T) {
	t.Parallel()
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	body := []byte{0, 255, '\n', '{', 0xc3, 0x28}
	for _, kind := range []routing.QueueType{routing.Classic, routing.Quorum} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			starts := make(chan tasks.Task, 10)
			snoozed := false
			copies := make(chan struct{}, 10)
			f.run(worker.Config{Queues: []worker.Queue{
				{
					Name: "email", Routes: []string{"email.#"}, Type: kind,
					Retry: tasks.RetryPolicy{MaxAttempts: 3, Initial: time.Millisecond},
					Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
						starts <- *task
						switch {
						case task.Attempt == 2 && !snoozed:
							snoozed = true
							return tasks.Snooze(time.Millisecond)
						case task.Attempt == 2:
							return tasks.RetryAfter(1200*time.Millisecond, errors.New("later")) // longer than its expiration would have let it wait
						}
						return errors.New("no")
					}),
				},
				{Name: "copy", Routes: []string{"copy.#"}, Type: kind, Mux: handle("#", func(context.Context, *tasks.Task) error {
					copies <- struct{}{}
					return nil
				})},
			}})
			sent := time.Now().Add(-time.Minute).Truncate(time.Second)
			foreign := amqp.Table{
				"tenant": "acme", "n": int64(-7), "short": int16(3), "ratio": 0.5, "yes": true, "none": nil, "bytes": []byte{0, 1, 255},
				"when": sent, "nested": amqp.Table{"list": []any{"a", int32(1), amqp.Table{"b": "c"}}},
				"huge": strings.Repeat("x", 100_000),
			}
			headers := amqp.Table{"CC": []any{"copy.x"}, "traceparent": trace, "tracestate": "vendor=1"}
			for name, value := range foreign {
				headers[name] = value
			}
			// Where it tells no time, the expiration counts from its delivery.
			f.publish("warren.tasks", "email.x", amqp.Publishing{
				Headers: headers, Body: body, ContentType: "application/octet-stream", ContentEncoding: "none",
				MessageId: "foreign", Priority: 7, UserId: "guest", AppId: "pika", Type: "welcome",
				CorrelationId: "order-1", ReplyTo: "answers", Expiration: "600000",
			})
			receive(t, copies, "the copy")
			errorsSoFar := []int{0, 1, 1, 2}
			for n, attempt := range []int{1, 2, 2, 3} {
				task := receive(t, starts, "a start")
				assert.Equal(t, attempt, task.Attempt)
				assert.Equal(t, n, task.Settlement)
				assert.Len(t, task.Errors, errorsSoFar[n])
				assert.Equal(t, "foreign", task.ID)
				assert.Equal(t, "email.x", task.Key)
				assert.Equal(t, body, task.Payload)
				assert.Equal(t, 7, task.Priority)
				assert.Equal(t, trace, task.TraceParent)
				assert.Equal(t, "vendor=1", task.TraceState)
				assert.WithinDuration(t, time.Now().Add(10*time.Minute), task.ExpiresAt, 10*time.Second)
				for name, value := range foreign {
					if _, isTable := value.(amqp.Table); !isTable { // which is a map in a task
						assert.Equal(t, value, task.Headers[name], name)
					}
				}
			}
			letter := f.get("email.dead")
			assert.Equal(t, body, letter.Body)
			for name, value := range foreign {
				assert.Equal(t, value, letter.Headers[name], name)
			}
			assert.Equal(t, trace, letter.Headers["traceparent"])
			assert.Equal(t, "vendor=1", letter.Headers["tracestate"])
			for _, stripped := range []string{"CC", "x-death", "x-first-death-queue", "x-last-death-queue"} {
				assert.Nil(t, letter.Headers[stripped], stripped)
			}
			assert.Empty(t, letter.Expiration)
			assert.NotNil(t, letter.Headers[tasks.HeaderExpiresAt])
			assert.Equal(t, "guest", letter.Headers[tasks.HeaderEnqueuedBy])
			assert.Len(t, letter.Headers[tasks.HeaderErrors], 3)
			letter.Headers = nil
			assert.Equal(t,
				[]any{"application/octet-stream", "none", "foreign", uint8(7), "pika", "welcome", "order-1", "answers", amqp.Persistent},
				[]any{letter.ContentType, letter.ContentEncoding, letter.MessageId, letter.Priority, letter.AppId, letter.Type,
					letter.CorrelationId, letter.ReplyTo, letter.DeliveryMode})
			assert.Empty(t, copies, "the CC does not fan out again")
		})
	}
}

// A foreign producer's expiration holds while the task waits in the queue, where RabbitMQ ends it,
// and while it waits in the worker's hands. So does its warren-expires-at, which may be a text.
func TestForeignExpiration(t *testing.T) {
	t.Parallel()
	for _, kind := range []routing.QueueType{routing.Classic, routing.Quorum} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			began, finish := make(chan string, 10), make(chan struct{})
			f.run(worker.Config{Queues: []worker.Queue{{
				Name: "slow", Routes: []string{"slow.#"}, Type: kind, Concurrency: 1, Prefetch: 3,
				Mux: handle("#", func(_ context.Context, task *tasks.Task) error { began <- task.ID; <-finish; return nil }),
			}}})
			f.publish("warren.tasks", "slow.x", amqp.Publishing{MessageId: "first", Expiration: "60000"})
			assert.Equal(t, "first", receive(t, began, "a task within its expiration"))
			const short = 300 * time.Millisecond
			f.publish("warren.tasks", "slow.x", amqp.Publishing{MessageId: "held", Expiration: "300"})
			f.publish("warren.tasks", "slow.x", amqp.Publishing{MessageId: "told", Headers: amqp.Table{"warren-expires-at": "1"}})
			f.eventually(func() bool { return f.depth("slow") == 0 }, "both are prefetched")
			expired := time.After(short)
			f.publish("warren.tasks", "slow.x", amqp.Publishing{MessageId: "waits", Expiration: "1"})
			byBroker := f.get("slow.dead")
			assert.Equal(t, "waits", byBroker.MessageId)
			death := byBroker.Headers["x-death"].([]any)[0].(amqp.Table)
			assert.Equal(t, "expired", death["reason"])
			receive(t, expired, "the expiration")
			close(finish)
			letters := map[string]any{}
			for range 2 {
				d := f.get("slow.dead")
				letters[d.MessageId] = d.Headers[tasks.HeaderDeadReason]
			}
			assert.Equal(t, map[string]any{"held": "expired", "told": "expired"}, letters)
			require.Empty(t, began, "none of them has run")
		})
	}
}

// What no handler wants is dead at once, with its payload for whoever looks.
func TestForeignMessageWithoutAHandlerKeepsItsPayload(t *testing.T) {
	t.Parallel()
	for _, kind := range []routing.QueueType{routing.Classic, routing.Quorum} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.run(worker.Config{Queues: []worker.Queue{{Name: "email", Routes: []string{"email.#"}, Type: kind, Mux: handle("email.known", func(context.Context, *tasks.Task) error { return nil })}}})
			f.publish("warren.tasks", "email.unheard.of", amqp.Publishing{
				MessageId: "1", ContentType: "text/plain", Body: []byte("hello, whoever"), Headers: amqp.Table{"tenant": "acme"},
			})
			d := f.get("email.dead")
			assert.Equal(t, "no-handler", d.Headers[tasks.HeaderDeadReason])
			assert.Equal(t, "hello, whoever", string(d.Body))
			assert.Equal(t, "text/plain", d.ContentType)
			assert.Equal(t, "acme", d.Headers["tenant"])
			assert.Equal(t, "email.unheard.of", d.Headers[tasks.HeaderRoutingKey])
			assert.NotContains(t, d.Headers, tasks.HeaderErrors, "nothing was attempted")
		})
	}
}
