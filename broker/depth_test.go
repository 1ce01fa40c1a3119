//go:build integration

package broker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
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
