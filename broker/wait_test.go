//go:build integration

package broker_test

import (
	"context"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// waited is what came of an EnqueueAndWait.
type waited struct {
	reply tasks.Reply
	err   error
}

// await enqueues a task and waits for it beside the test.
func (f *fixture) await(client *broker.Client, t tasks.Task, wait tasks.Wait) <-chan waited {
	results := make(chan waited, 1)
	go func() {
		reply, err := client.EnqueueAndWait(f.ctx, t, wait)
		results <- waited{reply, err}
	}()
	return results
}

// answer publishes a message as a worker does.
func (f *fixture) answer(m tasks.Message) {
	f.t.Helper()
	require.NoError(f.t, f.client.Publish(f.ctx, m))
}

// asked consumes a queue and returns the tasks that come.
func (f *fixture) asked(queue string) <-chan *tasks.Task {
	f.t.Helper()
	came := make(chan *tasks.Task, 16)
	f.consume(f.client, queue, 16, func(d *broker.Delivery) {
		t, err := tasks.Decode(d.Message, queue, d.Message.Timestamp)
		assert.NoError(f.t, err)
		assert.NoError(f.t, d.Ack())
		came <- &t
	})
	return came
}

func TestEnqueueAndWait(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "math", "math.#"))
	came := f.asked("math")
	var told []any
	result := f.await(f.client, tasks.Task{Key: "math.add"}, tasks.Wait{
		Enqueued: func(id string) { told = append(told, id) },
		Progress: func(e tasks.ProgressEvent) { told = append(told, e) },
	})
	task := receive(t, came, "the task")
	half := tasks.ProgressEvent{Percent: 50, Note: "half"}
	f.answer(tasks.ProgressMessage(task, half))
	f.answer(tasks.ReplyMessage(task, tasks.Decision{Action: tasks.Ack, Result: &tasks.Result{Body: []byte("5")}}))
	got := receive(t, result, "the reply")
	require.NoError(t, got.err)
	assert.Equal(t, tasks.Reply{ID: task.ID, ContentType: "application/json", Body: []byte("5")}, got.reply)
	assert.Equal(t, []any{task.ID, half}, told)
	assert.Contains(t, task.ReplyTo, "warren.reply.")

	result = f.await(f.client, tasks.Task{Key: "math.add", ID: "mine"}, tasks.Wait{})
	again := receive(t, came, "the task")
	assert.Equal(t, task.ReplyTo, again.ReplyTo, "one queue a client")
	f.answer(tasks.ReplyMessage(task, tasks.Decision{Action: tasks.Ack})) // a second one, to nobody
	f.answer(tasks.ReplyMessage(again, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Err: context.Canceled}))
	got = receive(t, result, "the reply")
	assert.Equal(t, &tasks.RemoteError{ID: "mine", Reason: tasks.ReasonPermanent, Text: "context canceled"}, got.err)
	assert.Equal(t, "mine", got.reply.ID)

	ctx, cancel := context.WithCancel(f.ctx)
	got.reply, got.err = f.client.EnqueueAndWait(ctx, tasks.Task{Key: "math.add", ID: "slow"}, tasks.Wait{Enqueued: func(string) { cancel() }})
	require.ErrorIs(t, got.err, context.Canceled)
	assert.EqualError(t, got.err, "wait for task slow, which may still run: context canceled")
	assert.Equal(t, "slow", got.reply.ID)

	_, err := f.client.EnqueueAndWait(f.ctx, tasks.Task{Key: "math.add", CorrelationID: "x"}, tasks.Wait{})
	require.ErrorIs(t, err, tasks.ErrInvalidTask)
	_, err = f.client.EnqueueAndWait(f.ctx, tasks.Task{Key: "nobody.wants"}, tasks.Wait{})
	require.ErrorIs(t, err, broker.ErrUnroutable)
}

func TestClientThatWaitsIsClosed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "math", "math.#"))
	came := f.asked("math")
	other := f.connect()
	result := f.await(other, tasks.Task{Key: "math.add"}, tasks.Wait{})
	task := receive(t, came, "the task")
	_, err := f.client.Depth(f.ctx, task.ReplyTo)
	require.NoError(t, err)
	other.Close()
	require.ErrorIs(t, receive(t, result, "the end of the wait").err, broker.ErrClosed)
	_, err = f.client.Depth(f.ctx, task.ReplyTo)
	require.ErrorIs(t, err, broker.ErrNoQueue)
	_, err = other.EnqueueAndWait(f.ctx, tasks.Task{Key: "math.add"}, tasks.Wait{})
	require.ErrorIs(t, err, broker.ErrClosed)
}

// What is answered while the client is away waits for it.
func TestReplyAfterALostConnection(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "math", "math.#"))
	came := f.asked("math")
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	enqueued := make(chan string, 1)
	result := f.await(client, tasks.Task{Key: "math.add"}, tasks.Wait{Enqueued: func(id string) { enqueued <- id }})
	task := receive(t, came, "the task")
	receive(t, enqueued, "its confirm")
	proxy.Refuse(true)
	proxy.Cut()
	f.answer(tasks.ReplyMessage(task, tasks.Decision{Action: tasks.Ack, Result: &tasks.Result{Body: []byte("5")}}))
	require.Eventually(t, func() bool {
		depth, err := f.client.Depth(f.ctx, task.ReplyTo)
		return err == nil && depth == broker.Depth{Ready: 1}
	}, patience, pollEvery, "the broker has noticed")
	proxy.Refuse(false)
	got := receive(t, result, "the reply")
	require.NoError(t, got.err)
	assert.Equal(t, "5", string(got.reply.Body))
}

func TestReplyQueueIsDeletedUnderItsWaiters(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "math", "math.#"))
	came := f.asked("math")
	first := f.await(f.client, tasks.Task{Key: "math.add", ID: "a"}, tasks.Wait{})
	second := f.await(f.client, tasks.Task{Key: "math.add", ID: "b"}, tasks.Wait{})
	task := receive(t, came, "a task")
	receive(t, came, "the other")
	f.delete(task.ReplyTo)
	for _, result := range []<-chan waited{first, second} {
		got := receive(t, result, "the end of the wait")
		require.ErrorIs(t, got.err, tasks.ErrReplyLost)
		assert.EqualError(t, got.err, "wait for task "+got.reply.ID+", which may have run: the reply may have been lost")
	}
	result := f.await(f.client, tasks.Task{Key: "math.add"}, tasks.Wait{})
	again := receive(t, came, "the next task")
	assert.NotEqual(t, task.ReplyTo, again.ReplyTo)
	f.answer(tasks.ReplyMessage(again, tasks.Decision{Action: tasks.Ack}))
	require.NoError(t, receive(t, result, "the reply").err)
}

// delete deletes a queue.
func (f *fixture) delete(name string) {
	f.t.Helper()
	f.channel(func(channel *amqp.Channel) {
		_, err := channel.QueueDelete(name, false, false, false)
		require.NoError(f.t, err)
	})
}
