//go:build integration

package broker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
)

func TestConsumerPauses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()}; c.BackoffMin = time.Millisecond })
	deliveries := make(chan *broker.Delivery, 100)
	consumer, err := client.NewConsumer(broker.ConsumerConfig{
		Queue: "email", Prefetch: 2, Paused: true, Deliver: func(d *broker.Delivery) { deliveries <- d },
	})
	require.NoError(t, err)
	defer consumer.Close()
	ready := func() bool { return consumer.Ready() == nil }
	require.Eventually(t, ready, patience, time.Millisecond, "a consumer that is paused is ready")
	consumers := func() int {
		depth, err := f.client.Depth(f.ctx, "email")
		require.NoError(t, err)
		return depth.Consumers
	}
	f.enqueue("email.1", "email.2", "email.3")
	assert.Zero(t, consumers())

	consumer.Resume()
	first, second := receive(t, deliveries, "a task"), receive(t, deliveries, "a task")
	require.NoError(t, consumer.Pause(f.ctx))
	require.NoError(t, consumer.Ready())
	require.NoError(t, first.Ack(), "what was given before can be answered")
	require.NoError(t, second.Requeue())
	require.Eventually(t, func() bool {
		depth, err := f.client.Depth(f.ctx, "email")
		require.NoError(t, err)
		return depth.Ready == 2 && depth.Consumers == 0 // a quorum queue counts one that still has deliveries
	}, patience, time.Millisecond)

	proxy.Cut()
	require.Eventually(t, func() bool { return consumer.Ready() != nil }, patience, time.Millisecond)
	require.Eventually(t, ready, patience, time.Millisecond)
	require.NoError(t, consumer.Pause(f.ctx), "it is paused in the next session too")
	assert.Zero(t, consumers())
	assert.Empty(t, deliveries)

	consumer.SetPrefetch(5)
	consumer.Resume()
	for range 2 {
		require.NoError(t, receive(t, deliveries, "a task").Ack())
	}
	assert.Equal(t, 5, consumer.Prefetch())
	require.NoError(t, consumer.Pause(f.ctx))
	require.NoError(t, consumer.Cancel(f.ctx), "a paused consumer can be cancelled")
	require.Error(t, consumer.Ready())
}
