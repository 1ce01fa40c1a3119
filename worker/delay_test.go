//go:build integration

package worker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// started is a task with the moment that its handler began.
type started struct {
	task tasks.Task
	at   time.Time
}

// starts runs a worker whose handler only notes when it began.
func (f *fixture) starts() <-chan started {
	f.t.Helper()
	starts := make(chan started, 10_000)
	f.run(worker.Config{Queues: []worker.Queue{{
		Name: "later", Routes: []string{"later.#"},
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			starts <- started{*task, time.Now()}
			return nil
		}),
	}}})
	return starts
}

func TestShortDelayBehindALongOne(t *testing.T) {
	t.Parallel()
	f := setup(t)
	starts := f.starts()
	due := time.Now().Add(time.Second)
	f.enqueue(tasks.Task{Key: "later.hour", NotBefore: time.Now().Add(time.Hour)})
	id := f.enqueue(tasks.Task{Key: "later.second", NotBefore: due})
	s := receive(t, starts, "the task delayed by a second")
	assert.Equal(t, id, s.task.ID)
	assert.Equal(t, "later.second", s.task.Key)
	assert.False(t, s.at.Before(due.Truncate(time.Millisecond)), "never early")
	assert.Less(t, s.at.Sub(due), time.Second, "not behind the hour")
}

func TestForeignNotBefore(t *testing.T) {
	t.Parallel()
	f := setup(t)
	starts := f.starts()
	due := time.Now().Add(1500 * time.Millisecond).Truncate(time.Millisecond)
	f.publish("warren.tasks", "later.x", amqp.Publishing{
		MessageId: "foreign", Priority: 7, Headers: amqp.Table{"warren-not-before": due.UnixMilli(), "tenant": "a"},
	})
	f.publish("warren.tasks", "later.past", amqp.Publishing{
		MessageId: "past", Headers: amqp.Table{"warren-not-before": int32(1)},
	})
	assert.Equal(t, "past", receive(t, starts, "the task whose time is past").task.ID)
	s := receive(t, starts, "the task due in 1.5 s")
	assert.Equal(t, "foreign", s.task.ID)
	assert.Equal(t, "later.x", s.task.Key)
	assert.Equal(t, 7, s.task.Priority)
	assert.Equal(t, map[string]any{"tenant": "a"}, s.task.Headers)
	assert.False(t, s.at.Before(due), "never early")
	assert.Less(t, s.at.Sub(due), time.Second)
}

func TestManyDelaysAreNeverEarlyAndKeepTheirOrder(t *testing.T) {
	t.Parallel()
	f := setup(t)
	starts := f.starts()
	const count = 300
	due := map[string]time.Time{}
	for range count {
		at := time.Now().Add(rand.N(3 * time.Second)).Truncate(time.Millisecond)
		due[f.enqueue(tasks.Task{Key: "later.x", NotBefore: at})] = at
	}
	var late []time.Duration
	for range count {
		s := receive(t, starts, "a delayed task")
		at, known := due[s.task.ID]
		require.True(t, known, "once each")
		delete(due, s.task.ID)
		late = append(late, s.at.Sub(at))
	}
	slices.Sort(late)
	assert.GreaterOrEqual(t, late[0], time.Duration(0), "never early")
	t.Logf("late: p50 %s, p99 %s, max %s", late[count/2], late[count*99/100], late[count-1]) // bounds are the benchmark's
}

func TestDelayedTaskWhoseKeyNobodyWantsIsParked(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.starts()
	id := f.enqueue(tasks.Task{Key: "nobody.wants", NotBefore: time.Now().Add(300 * time.Millisecond)})
	d := f.get("warren.unrouted")
	assert.Equal(t, id, d.MessageId)
	assert.Equal(t, "nobody.wants", d.Headers[tasks.HeaderRoutingKey])
}

func TestLadderKeyThatNobodyCouldHaveMadeIsParked(t *testing.T) {
	t.Parallel()
	f := setup(t)
	starts := f.starts()
	f.publish("warren.delay.01", "0.1.9.9.9.rubbish", amqp.Publishing{MessageId: "rubbish"}) // held one step, then digit 0 is 0
	f.publish("warren.delay.03", "7.7.7.7", amqp.Publishing{MessageId: "unheard of"})
	seen := []string{f.get("warren.unrouted").MessageId, f.get("warren.unrouted").MessageId}
	assert.ElementsMatch(t, []string{"rubbish", "unheard of"}, seen)
	f.enqueue(tasks.Task{Key: "later.x", NotBefore: time.Now().Add(time.Second)})
	receive(t, starts, "a task through the same level: it is not blocked")
}

func TestRetriesWaitInTheLadderWithTheirPriority(t *testing.T) {
	t.Parallel()
	f := setup(t)
	starts := make(chan started, 10)
	f.run(worker.Config{Queues: []worker.Queue{{
		Name: "later", Routes: []string{"later.#"},
		Retry: tasks.RetryPolicy{MaxAttempts: 2, Initial: 700 * time.Millisecond, Jitter: tasks.NoJitter},
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			starts <- started{*task, time.Now()}
			if task.Attempt == 1 {
				return errors.New("not yet")
			}
			return nil
		}),
	}}})
	f.enqueue(tasks.Task{Key: "later.x", Priority: 9})
	first, second := receive(t, starts, "the first"), receive(t, starts, "the second")
	assert.GreaterOrEqual(t, second.at.Sub(first.at), 690*time.Millisecond)
	assert.Equal(t, 9, second.task.Priority)
	assert.Equal(t, "later.x", second.task.Key)
	assert.Equal(t, 2, second.task.Attempt)
}
