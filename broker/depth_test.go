//go:build integration

package broker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
)

// pollEvery is how often these tests look for what is to come.
const pollEvery = 20 * time.Millisecond

func TestDepth(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"), queue(t, "image", "image.#"))
	f.enqueue("email.1", "email.2", "image.1")
	require.Eventually(t, func() bool {
		depth, err := f.client.Depth(f.ctx, "email")
		require.NoError(t, err)
		return depth == broker.Depth{Ready: 2}
	}, patience, pollEvery)

	deliveries := make(chan *broker.Delivery, 1)
	consumer := f.consume(f.client, "image", 1, func(d *broker.Delivery) { deliveries <- d })
	receive(t, deliveries, "the task")
	depths, err := f.client.Depths(f.ctx, "nothing", "email", "none.at.all", "image")
	require.NoError(t, err)
	assert.Equal(t, map[string]broker.Depth{"email": {Ready: 2}, "image": {Consumers: 1}}, depths)
	consumer.Close()

	_, err = f.client.Depth(f.ctx, "nothing")
	require.ErrorIs(t, err, broker.ErrNoQueue)
	require.ErrorContains(t, err, "depth of nothing")
	depths, err = f.client.Depths(f.ctx)
	require.NoError(t, err)
	assert.Empty(t, depths)
}

func TestDepthProbe(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	f.enqueue("email.1")
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	probe := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} }).NewDepthProbe()
	defer probe.Close()
	for range 3 { // the questions about what does not exist close its channels
		depths, err := probe.Depths(f.ctx, "nothing", "email", "none.at.all")
		require.NoError(t, err)
		assert.Equal(t, map[string]broker.Depth{"email": {Ready: 1}}, depths)
	}

	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	_, err := probe.Depths(ctx, "email")
	require.ErrorIs(t, err, context.Canceled)
	for range 10 { // the answer is there as the time for it ends
		_, err = probe.Depths(f.ctx)
		require.NoError(t, err)
		_, _ = probe.Depths(ctx)
	}
	_, err = probe.Depths(f.ctx, "email")
	require.NoError(t, err, "it connects anew")

	proxy.Cut()
	require.Eventually(t, func() bool {
		depths, err := probe.Depths(f.ctx, "email")
		if err != nil {
			require.ErrorIs(t, err, broker.ErrNotConnected)
		}
		return depths["email"].Ready == 1
	}, patience, pollEvery)

	probe.Close()
	probe.Close()
	_, err = probe.Depths(f.ctx, "email")
	require.ErrorIs(t, err, broker.ErrClosed)
}
