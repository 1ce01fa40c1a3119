//go:build integration

package deadletter_test

import (
	"context"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

var _ deadletter.Browser = (*broker.Client)(nil)

const patience = 30 * time.Second

// The letters that RabbitMQ makes itself are told as what they are, as its versions word them.
func TestLettersThatTheBrokerMakes(t *testing.T) {
	vhost := brokertest.NewVhost(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{vhost.URL}})
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Declare(ctx, routing.Spec{Queues: []routing.QueueSpec{
		{Name: "email", Routes: []routing.Pattern{pattern(t, "email.#")}}, {Name: "short"}, {Name: "limited"},
	}}))
	conn, err := amqp.Dial(vhost.URL)
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	channel, err := conn.Channel()
	require.NoError(t, err)
	// Two queues as foreign programs declare them.
	redeclare := func(name string, args amqp.Table) {
		_, err := channel.QueueDelete(name, false, false, false)
		require.NoError(t, err)
		args["x-dead-letter-exchange"], args["x-dead-letter-routing-key"] = "warren.dead", name
		_, err = channel.QueueDeclare(name, true, false, false, false, args)
		require.NoError(t, err)
	}
	redeclare("short", amqp.Table{"x-queue-type": "classic", "x-max-length": int64(1)})
	redeclare("limited", amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(1)})

	letter := func(queue string) deadletter.Record {
		t.Helper()
		var found []deadletter.Record
		require.Eventually(t, func() bool {
			require.NoError(t, deadletter.List(ctx, client, queue, deadletter.Filter{}, func(r deadletter.Record) bool {
				found = append(found, r)
				return true
			}))
			return len(found) > 0
		}, patience, 20*time.Millisecond)
		require.Len(t, found, 1)
		assert.WithinDuration(t, time.Now(), found[0].FailedAt, patience)
		return found[0]
	}

	t.Run("rejected, through the ladder", func(t *testing.T) {
		id, err := client.Enqueue(ctx, tasks.Task{Key: "email.welcome", NotBefore: time.Now().Add(300 * time.Millisecond)})
		require.NoError(t, err)
		consumer, err := client.NewConsumer(broker.ConsumerConfig{Queue: "email", Prefetch: 1, Deliver: func(d *broker.Delivery) {
			assert.NoError(t, d.Reject())
		}})
		require.NoError(t, err)
		defer consumer.Close()
		r := letter("email.dead")
		assert.Equal(t, tasks.ReasonRejected, r.Reason)
		assert.Equal(t, "email", r.Queue)
		assert.Equal(t, "email.welcome", r.Key)
		assert.Equal(t, id, r.ID)
		assert.Contains(t, r.Headers, "x-death")
	})
	t.Run("overflow", func(t *testing.T) {
		for range 2 {
			require.NoError(t, client.Publish(ctx, tasks.Message{RoutingKey: "short", MessageID: "1"}))
		}
		assert.Equal(t, tasks.ReasonOverflow, letter("short.dead").Reason)
	})
	t.Run("delivery limit", func(t *testing.T) {
		require.NoError(t, client.Publish(ctx, tasks.Message{RoutingKey: "limited", MessageID: "1"}))
		require.Eventually(t, func() bool {
			d, ok, err := channel.Get("limited", false)
			require.NoError(t, err)
			if ok {
				require.NoError(t, d.Reject(true))
			}
			queue, err := channel.QueueDeclarePassive("limited.dead", true, false, false, false, nil)
			require.NoError(t, err)
			return queue.Messages == 1
		}, patience, 20*time.Millisecond)
		assert.Equal(t, tasks.ReasonDeliveryLimit, letter("limited.dead").Reason)
	})
	t.Run("expired", func(t *testing.T) {
		redeclare("limited", amqp.Table{"x-message-ttl": int64(1)})
		_, err := channel.QueuePurge("limited.dead", false)
		require.NoError(t, err)
		require.NoError(t, client.Publish(ctx, tasks.Message{RoutingKey: "limited", MessageID: "1"}))
		assert.Equal(t, tasks.ReasonExpired, letter("limited.dead").Reason)
	})
}
