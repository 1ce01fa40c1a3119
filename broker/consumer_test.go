//go:build integration

package broker_test

import (
	"context"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// The scenario behind the first fact of the design: a delivery is taken, the connection is lost,
// the broker gives the message out again beside another, and then the first delivery is
// acknowledged, late.

func TestLateAckGoesNowhere(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	f.enqueue("email.1", "email.2")

	deliveries := make(chan *broker.Delivery, 10)
	f.consume(client, "email", 10, func(d *broker.Delivery) { deliveries <- d })
	first := []*broker.Delivery{receive(t, deliveries, "a task"), receive(t, deliveries, "a task")}
	proxy.Cut()
	again := []*broker.Delivery{receive(t, deliveries, "a task again"), receive(t, deliveries, "a task again")}
	for _, d := range again {
		assert.True(t, d.Redelivered)
	}

	for _, d := range first {
		assert.True(t, d.Lost())
		require.ErrorIs(t, d.Ack(), broker.ErrSessionLost)
		require.ErrorIs(t, d.Requeue(), broker.ErrSessionLost)
		require.ErrorIs(t, d.Reject(), broker.ErrSessionLost)
	}
	proxy.Cut()
	keys := map[string]bool{}
	for range 2 { // both are still there: nothing was acknowledged
		d := receive(t, deliveries, "a task once more")
		keys[d.Message.RoutingKey] = true
		require.NoError(t, d.Ack())
	}
	assert.Len(t, keys, 2)
}

// TestLibraryRecoveryLosesATask shows that the scenario bites: with the client library's own
// recovery the same late acknowledgement takes a task away that was never dealt with. Should it
// fail one day, the library has learnt to tell, and TestLateAckGoesNowhere is what counts.
func TestLibraryRecoveryLosesATask(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	f.enqueue("email.1", "email.2")

	conn, err := amqp.DialConfig(proxy.URL(), amqp.Config{Recovery: &amqp.Recovery{}})
	require.NoError(t, err)
	ch, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Qos(10, 0, false))
	deliveries, err := ch.Consume("email", "", false, false, false, false, nil)
	require.NoError(t, err)
	first := []amqp.Delivery{receive(t, deliveries, "a task"), receive(t, deliveries, "a task")}
	proxy.Cut()
	for range 2 {
		receive(t, deliveries, "a task again")
	}
	require.NoError(t, first[0].Ack(false), "no error tells that this went to the wrong task")
	require.NoError(t, conn.Close())

	f.channel(func(ch *amqp.Channel) {
		require.Eventually(t, func() bool { // both went back when the connection was closed
			q, err := ch.QueueDeclarePassive("email", true, false, false, false, nil)
			require.NoError(t, err)
			return q.Consumers == 0 && q.Messages == 1
		}, patience, 10*time.Millisecond, "one of two tasks is gone, though neither was done since the loss")
	})
}

// enqueue publishes empty tasks.
func (f *fixture) enqueue(keys ...string) {
	f.t.Helper()
	for _, key := range keys {
		_, err := f.client.Enqueue(f.ctx, tasks.Task{Key: key})
		require.NoError(f.t, err)
	}
}

func TestCancelKeepsTheSessionForAcks(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	deliveries := make(chan *broker.Delivery, 10)
	consumer := f.consume(f.client, "email", 2, func(d *broker.Delivery) { deliveries <- d })
	f.enqueue("email.1", "email.2", "email.3")
	first, second := receive(t, deliveries, "a task"), receive(t, deliveries, "a task")

	require.NoError(t, consumer.Cancel(f.ctx))
	require.NoError(t, first.Ack())
	require.NoError(t, second.Requeue())
	consumer.Close()
	assert.Empty(t, deliveries, "nothing was given after Cancel")
	assert.Equal(t, 2, f.depth("email"), "one requeued, one never given")
	assert.ErrorIs(t, second.Ack(), broker.ErrSessionLost)
}

func (f *fixture) depth(queue string) int {
	f.t.Helper()
	last := -1
	f.channel(func(ch *amqp.Channel) {
		require.Eventually(f.t, func() bool { // settles once what is under way has arrived
			q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
			require.NoError(f.t, err)
			settled := q.Messages == last && q.Consumers == 0
			last = q.Messages
			return settled
		}, patience, 100*time.Millisecond)
	})
	return last
}

func TestCloseGivesBackWhatIsUnacknowledged(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	deliveries := make(chan *broker.Delivery, 10)
	consumer := f.consume(f.client, "email", 10, func(d *broker.Delivery) { deliveries <- d })
	f.enqueue("email.1", "email.2")
	require.NoError(t, receive(t, deliveries, "a task").Ack())
	receive(t, deliveries, "a task")
	consumer.Close()
	assert.Equal(t, 1, f.depth("email"))
}

func TestCancelWhileThereIsNoConnection(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	deliveries := make(chan *broker.Delivery, 10)
	consumer := f.consume(client, "email", 10, func(d *broker.Delivery) { deliveries <- d })
	require.Eventually(t, func() bool { return consumer.Ready() == nil }, patience, time.Millisecond)
	proxy.Refuse(true)
	proxy.Cut()
	require.Eventually(t, func() bool { return consumer.Ready() != nil }, patience, time.Millisecond)
	require.NoError(t, consumer.Cancel(f.ctx))
	proxy.Refuse(false)
	f.enqueue("email.1")
	consumer.Close()
	assert.Empty(t, deliveries, "a cancelled consumer does not consume when the broker is back")
}

func TestConsumerOfAQueueThatComesLater(t *testing.T) {
	t.Parallel()
	f := setup(t)
	deliveries := make(chan *broker.Delivery, 10)
	consumer, err := f.client.NewConsumer(broker.ConsumerConfig{
		Queue: "email", Prefetch: 1,
		Deliver: func(d *broker.Delivery) { deliveries <- d },
		Prepare: func(context.Context) error { f.declare(queue(t, "email", "email.#")); return nil },
	})
	require.NoError(t, err)
	defer consumer.Close()
	require.Eventually(t, func() bool {
		_, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "email.1"})
		return err == nil
	}, patience, 20*time.Millisecond)
	require.NoError(t, receive(t, deliveries, "the task").Ack())
}

func TestConsumerSurvivesTheQueueDeleted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	deliveries := make(chan *broker.Delivery, 10)
	consumer, err := f.client.NewConsumer(broker.ConsumerConfig{
		Queue: "email", Prefetch: 1,
		Deliver: func(d *broker.Delivery) { deliveries <- d },
		Prepare: func(context.Context) error { f.declare(queue(t, "email", "email.#")); return nil },
	})
	require.NoError(t, err)
	defer consumer.Close()
	f.enqueue("email.1")
	require.NoError(t, receive(t, deliveries, "a task").Ack())
	f.channel(func(ch *amqp.Channel) {
		_, err := ch.QueueDelete("email", false, false, false)
		require.NoError(t, err)
	})
	require.Eventually(t, func() bool {
		_, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "email.2"})
		return err == nil
	}, patience, 20*time.Millisecond)
	require.NoError(t, receive(t, deliveries, "a task of the new queue").Ack())
}

func TestConsumerConfigIsChecked(t *testing.T) {
	t.Parallel()
	f := setup(t)
	deliver := func(*broker.Delivery) {}
	for _, cfg := range []broker.ConsumerConfig{
		{Prefetch: 1, Deliver: deliver}, {Queue: "q", Deliver: deliver}, {Queue: "q", Prefetch: 65536, Deliver: deliver}, {Queue: "q", Prefetch: 1},
	} {
		_, err := f.client.NewConsumer(cfg)
		require.ErrorIs(t, err, broker.ErrInvalidConfig, "%+v", cfg.Queue)
	}
}
