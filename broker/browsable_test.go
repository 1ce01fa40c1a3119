//go:build integration

package broker_test

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

func TestBrowseNeverDrops(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declareQueue("limited.dead", amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(3)})
	f.refusedOrHarmless("limited.dead", "it has a delivery limit of 3")
}

func TestBrowseNeverDropsByAPolicy(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	f.put("/api/policies/"+f.vhost.Name+"/limits", map[string]any{
		"pattern": ".*", "apply-to": "queues", "definition": map[string]any{"delivery-limit": 3},
	})
	require.Eventually(t, func() bool {
		return f.has("/api/queues/"+f.vhost.Name+"/email.dead", `"delivery-limit":3`)
	}, patience, pollEvery)
	f.refusedOrHarmless("email.dead", "a policy gives it a delivery limit of 3")
}

// refusedOrHarmless browses a limited queue more often than its limit allows for.
func (f *fixture) refusedOrHarmless(queue, why string) {
	f.t.Helper()
	precious := []string{"1", "2", "3"}
	for _, id := range precious {
		require.NoError(f.t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: queue, MessageID: id}))
	}
	require.Eventually(f.t, func() bool { return f.depth(queue) == len(precious) }, patience, pollEvery)
	for range 8 {
		var seen []string
		err := f.client.Browse(f.ctx, queue, 0, func(m tasks.Message) bool {
			seen = append(seen, m.MessageID)
			return true
		})
		if f.client.Version().AtLeast(4, 3) { // where a look does not count
			require.NoError(f.t, err)
			require.Equal(f.t, precious, seen)
			continue
		}
		require.ErrorIs(f.t, err, broker.ErrNotBrowsable)
		require.ErrorContains(f.t, err, why)
		require.Empty(f.t, seen)
	}
	assert.Equal(f.t, precious, f.drain(queue))
}

func TestBrowseRefuses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	never := func(tasks.Message) bool { assert.Fail(t, "shown"); return true }
	f.enqueue("email.x")
	require.ErrorIs(t, f.client.Browse(f.ctx, "email", 0, never), broker.ErrNotBrowsable, "a work queue")
	require.ErrorIs(t, f.client.Browse(f.ctx, "nothing.dead", 0, never), broker.ErrNoQueue)
	require.ErrorContains(t, f.client.Browse(f.ctx, "nothing.dead", 0, never), "browse nothing.dead: ")
	if !f.client.Version().AtLeast(4, 3) {
		f.declareQueue("other.dead", amqp.Table{"x-queue-type": "quorum", "x-max-length": int64(5)})
		assert.ErrorIs(t, f.client.Browse(f.ctx, "other.dead", 0, never), broker.ErrNotBrowsable)
		assert.Equal(t, 0, f.depth("other.dead"))
	}
	assert.Equal(t, 1, f.depth("email"))
}
