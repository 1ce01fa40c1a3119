//go:build integration

package worker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

type sum struct{ A, B int }

var add = tasks.DefineResult[sum, int]("math.add")

// mathQueue is a queue with a handler that adds, once it may.
func mathQueue(may <-chan struct{}) worker.Queue {
	mux := tasks.NewMux()
	add.Handle(mux, func(ctx context.Context, s sum) (int, error) {
		task, _ := tasks.FromContext(ctx)
		switch {
		case s.A < 0:
			return 0, tasks.Permanent(fmt.Errorf("%d is below 0", s.A))
		case s.A == 0 && task.Attempt == 1:
			return 0, tasks.RetryAfter(time.Millisecond, fmt.Errorf("not yet"))
		}
		tasks.Progress(ctx, 10, "first")
		tasks.Progress(ctx, 50, "overtaken")
		tasks.Progress(ctx, 90, "last")
		select {
		case <-may:
			return s.A + s.B, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
	return worker.Queue{Name: "math", Routes: []string{"math.#"}, Mux: mux}
}

// now lets every handler end at once.
func now() <-chan struct{} {
	may := make(chan struct{})
	close(may)
	return may
}

func TestResults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	seen := make(chan tasks.ProgressEvent, 16)
	f.run(worker.Config{
		Queues:   []worker.Queue{mathQueue(now())},
		Progress: func(_ *tasks.Task, e tasks.ProgressEvent) { seen <- e },
	})
	var notes []string
	got, err := add.EnqueueAndWait(f.ctx, f.client, sum{2, 3}, tasks.OnProgress(func(e tasks.ProgressEvent) { notes = append(notes, e.Note) }))
	require.NoError(t, err)
	assert.Equal(t, 5, got)
	require.NotEmpty(t, notes)
	assert.Equal(t, "last", notes[len(notes)-1], "it comes before the result")
	assert.Equal(t, "first", receive(t, seen, "the progress").Note)
	assert.Equal(t, "last", receive(t, seen, "the progress").Note)

	got, err = add.EnqueueAndWait(f.ctx, f.client, sum{0, 3}, tasks.Delay(100*time.Millisecond))
	require.NoError(t, err)
	assert.Equal(t, 3, got, "delayed, then retried")

	_, err = add.EnqueueAndWait(f.ctx, f.client, sum{-1, 3}, tasks.ID("mine"))
	assert.Equal(t, &tasks.RemoteError{ID: "mine", Reason: tasks.ReasonPermanent, Text: "-1 is below 0"}, err)
	_, err = add.EnqueueAndWait(f.ctx, f.client, sum{}, tasks.ExpiresAt(time.Now().Add(-time.Hour)))
	assert.ErrorIs(t, err, &tasks.RemoteError{Reason: tasks.ReasonExpired})
	_, err = f.client.EnqueueAndWait(f.ctx, tasks.Task{Key: "math.unknown"}, tasks.Wait{})
	assert.ErrorIs(t, err, &tasks.RemoteError{Reason: tasks.ReasonNoHandler})
}

func TestResultOfATaskWhoseWorkerIsRestarted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	may := make(chan struct{})
	began := make(chan struct{}, 2)
	queue := mathQueue(may)
	queue.Middleware = []tasks.Middleware{func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, task *tasks.Task) error {
			began <- struct{}{}
			return next.HandleTask(ctx, task)
		})
	}}
	stop := f.run(worker.Config{Queues: []worker.Queue{queue}, Grace: -1})
	result := make(chan int, 1)
	go func() {
		got, err := add.EnqueueAndWait(f.ctx, f.client, sum{2, 3})
		assert.NoError(t, err)
		result <- got
	}()
	receive(t, began, "the start")
	require.NoError(t, stop())
	f.run(worker.Config{Queues: []worker.Queue{queue}})
	receive(t, began, "the second start")
	close(may)
	assert.Equal(t, 5, receive(t, result, "the result"))
}

// A program in any language is answered, once, by a queue of its own and by direct reply-to.
func TestForeignClientIsAnswered(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.run(worker.Config{Queues: []worker.Queue{mathQueue(now())}})
	own, err := f.amqp.QueueDeclare("", false, false, true, false, nil)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		replyTo string
		ask     amqp.Publishing
		id      string
	}{
		"own queue": {own.Name, amqp.Publishing{CorrelationId: "asked", MessageId: "one", Body: []byte(`{"A": 2, "B": 3}`)}, "asked"},
		"direct":    {"amq.rabbitmq.reply-to", amqp.Publishing{MessageId: "two", Body: []byte(`{"A": 2, "B": 3}`)}, "two"},
		"retried":   {"amq.rabbitmq.reply-to", amqp.Publishing{MessageId: "three", Body: []byte(`{"A": 0, "B": 5}`)}, "three"},
	} {
		t.Run(name, func(t *testing.T) {
			replies, err := f.amqp.Consume(test.replyTo, name, true, false, false, false, nil)
			require.NoError(t, err)
			defer func() { assert.NoError(t, f.amqp.Cancel(name, false)) }()
			test.ask.ReplyTo = test.replyTo
			f.publish("warren.tasks", "math.add", test.ask)
			reply := receive(t, replies, "the reply")
			assert.Equal(t, "5", string(reply.Body), "no progress before it")
			assert.Equal(t, "ok", reply.Headers["warren-status"])
			assert.Equal(t, test.id, reply.CorrelationId)
			assert.Equal(t, "application/json", reply.ContentType)
			test.ask.Body = []byte(`{"A": -1}`)
			f.publish("warren.tasks", "math.add", test.ask)
			reply = receive(t, replies, "the reply")
			assert.Equal(t, "error", reply.Headers["warren-status"])
			assert.Equal(t, "-1 is below 0", reply.Headers["warren-error"])
			assert.Equal(t, "permanent", reply.Headers["warren-dead-reason"])
			assert.Empty(t, reply.Body)
		})
	}
}

func TestReplyThatCannotBeDelivered(t *testing.T) {
	t.Parallel()
	f := setup(t)
	mux := handle("big.#", func(ctx context.Context, _ *tasks.Task) error {
		tasks.SetResult(ctx, tasks.Result{Body: make([]byte, 2000)})
		return nil
	})
	client, err := broker.Connect(f.ctx, broker.Config{URLs: []string{f.vhost.URL}, MaxMessageBytes: 1000, Log: testLog(t)})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	stop := f.runOn(client, worker.Config{Queues: []worker.Queue{{Name: "big", Routes: []string{"big.#"}, Mux: mux}}})

	f.enqueue(tasks.Task{Key: "big.one", ReplyTo: "nobody"}) // acked all the same
	_, err = f.client.EnqueueAndWait(f.ctx, tasks.Task{Key: "big.one", ID: "mine"}, tasks.Wait{})
	var remote *tasks.RemoteError
	require.ErrorAs(t, err, &remote)
	assert.Empty(t, remote.Reason, "the task is done")
	assert.True(t, strings.HasPrefix(remote.Text, "its result of 2000 bytes cannot be sent: invalid task: too large"), remote.Text)
	require.NoError(t, stop())
	assert.Zero(t, f.depth("big"))
	assert.Zero(t, f.depth("big.dead"))
}
