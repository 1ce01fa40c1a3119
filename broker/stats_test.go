//go:build integration

package broker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// Each message is counted once, by what became of it, alone or among many.
func TestClientStats(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs, c.MaxMessageBytes = []string{proxy.URL()}, 1000 })
	require.Equal(t, broker.ClientStats{Connected: true}, client.Stats())

	_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
	require.NoError(t, err)
	_, err = client.Enqueue(f.ctx, tasks.Task{Key: "nobody.wants"})
	require.ErrorIs(t, err, broker.ErrUnroutable)
	large := tasks.Task{Key: "email.x", Payload: make([]byte, 1001)}
	_, err = client.Enqueue(f.ctx, large)
	require.ErrorIs(t, err, broker.ErrTooLarge)
	outcomes := client.EnqueueMany(f.ctx, []tasks.Task{{Key: "email.1"}, large, {Key: "nobody.wants"}, {Key: "email.2"}})
	require.NoError(t, outcomes[3].Err)
	require.Equal(t, broker.ClientStats{Connected: true, Confirmed: 3, Unroutable: 2, TooLarge: 2}, client.Stats())

	proxy.DropDownstream(true)
	sent := make(chan error, 1)
	go func() {
		_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.cut"})
		sent <- err
	}()
	f.awaitKey("email", "email.cut")
	proxy.Cut()
	require.ErrorIs(t, receive(t, sent, "the result of the publish that was cut"), broker.ErrUnconfirmed)
	proxy.DropDownstream(false)
	require.Eventually(t, func() bool { return client.Stats().Reconnects == 1 }, patience, pollEvery)
	require.Equal(t, broker.ClientStats{Connected: true, Reconnects: 1, Confirmed: 3, Unroutable: 2, TooLarge: 2, Doubtful: 1}, client.Stats())
	client.Close()
	_, err = client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
	require.ErrorIs(t, err, broker.ErrClosed)
	assert.False(t, client.Stats().Connected)
	assert.EqualValues(t, 1, client.Stats().Failed)
}

// What a user may not see hides nothing of the rest. Before RabbitMQ 4.2.6 anybody may see all.
func TestDepthsOfWhatMayBeSeen(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"), queue(t, "image", "image.#"))
	address := brokertest.NewUser(t, f.vhost, brokertest.Permissions{Configure: "^email$", Read: "^email$"})
	client := f.connect(func(c *broker.Config) { c.URLs = []string{address} })
	probe := client.NewDepthProbe()
	defer probe.Close()
	for range 2 {
		depths, err := probe.Depths(f.ctx, "image", "nothing", "email")
		assert.Contains(t, depths, "email")
		if !client.Version().AtLeast(4, 3) {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, broker.ErrRefused)
		require.ErrorContains(t, err, "queue image")
		assert.Len(t, depths, 1)
	}
}
