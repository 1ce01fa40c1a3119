//go:build integration

package broker_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/logtest"
)

// consumeFor consumes with an acknowledgement timeout.
func (f *fixture) consumeFor(client *broker.Client, queue string, timeout time.Duration) (*broker.Consumer, <-chan *broker.Delivery) {
	f.t.Helper()
	deliveries := make(chan *broker.Delivery, 100)
	k, err := client.NewConsumer(broker.ConsumerConfig{
		Queue: queue, Prefetch: 10, AckTimeout: timeout,
		Deliver: func(d *broker.Delivery) { deliveries <- d },
	})
	require.NoError(f.t, err)
	f.t.Cleanup(k.Close)
	return k, deliveries
}

// timesOut is the shortest timeout of a queue with which 4.3 was seen to do anything.
const timesOut = time.Second

// The consumer's timeout stands above the queue's: while another consumer loses a delivery to the
// queue's timeout time and again, ours keeps its own. Before 4.3 neither has an effect this soon.
func TestAckTimeoutStandsAboveTheQueues(t *testing.T) {
	t.Parallel()
	f := setup(t)
	args := amqp.Table{"x-queue-type": "quorum", "x-consumer-timeout": timesOut.Milliseconds()}
	f.declareQueue("ours", args)
	f.declareQueue("theirs", args)
	_, ours := f.consumeFor(f.client, "ours", 400*24*time.Hour)
	_, theirs := f.consumeFor(f.client, "theirs", 0)
	f.publish("ours", 0, 1)
	held := receive(t, ours, "our task")
	f.publish("theirs", 0, 1)
	if f.client.Version().AtLeast(4, 3) {
		for range 3 {
			receive(t, theirs, "their task")
		}
	}
	last := receive(t, theirs, "their task")
	assert.Equal(t, f.client.Version().AtLeast(4, 3), last.Redelivered)
	assert.False(t, held.Lost())
	assert.Empty(t, ours)
	require.NoError(t, held.Ack())
}

// What takes too long is taken back: the session ends, the next is given the task again, and nothing
// of the one before stays in the queue. Before 4.3 AckTimeout is not sent.
func TestAckTimeoutTakesBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declareQueue("work", amqp.Table{"x-queue-type": "quorum"})
	k, deliveries := f.consumeFor(f.client, "work", timesOut)
	f.publish("work", 0, 1)
	first := receive(t, deliveries, "the task")
	last := first
	if f.client.Version().AtLeast(4, 3) {
		began := time.Now()
		last = receive(t, deliveries, "the task again")
		t.Logf("again after %s", time.Since(began))
		assert.True(t, first.Lost())
		require.ErrorIs(t, first.Ack(), broker.ErrSessionLost)
		assert.True(t, last.Redelivered)
		k.SetPrefetch(20) // the next consumer has the timeout too
		require.Eventually(t, func() bool { return k.Prefetch() == 20 }, patience, time.Millisecond)
		require.NoError(t, last.Ack())
		f.publish("work", 1, 1)
		receive(t, deliveries, "another task")
		last = receive(t, deliveries, "the other task again")
		assert.True(t, last.Redelivered)
	}
	require.NoError(t, last.Ack())
	require.Eventually(t, func() bool {
		ready, consumers := f.waiting("work")
		return ready == 0 && consumers == 1
	}, patience, 20*time.Millisecond)
	require.NoError(t, k.Cancel(f.ctx))
	k.Close()
	assert.Zero(t, f.depth("work"))
}

// A classic queue of 4.3 refuses a consumer that names a timeout; it is consumed without.
func TestAckTimeoutOnAClassicQueue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declareQueue("work", amqp.Table{"x-queue-type": "classic"})
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	var log logtest.Log
	client := f.connect(func(c *broker.Config) {
		c.URLs, c.Log = []string{proxy.URL()}, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	_, deliveries := f.consumeFor(client, "work", time.Hour)
	f.publish("work", 0, 1)
	receive(t, deliveries, "the task")
	proxy.Cut()
	require.NoError(t, receive(t, deliveries, "the task again").Ack())
	want := 0
	if client.Version().AtLeast(4, 3) {
		want = 1
	}
	assert.NotContains(t, log.String(), "cannot read", "a connection that is cut is no message that cannot be read")
	assert.Equal(t, want, strings.Count(log.String(), "takes no acknowledgement timeout"), "%s", log.String())
}
