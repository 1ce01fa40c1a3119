//go:build integration

package broker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
)

func TestDeleteLeavesNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	spec := queue(t, "email", "email.#")
	other := queue(t, "other")
	f.declare(spec, other)
	f.enqueue("email.x")

	deleted := routing.Spec{Queues: []routing.QueueSpec{spec}}
	require.NoError(t, f.client.Delete(f.ctx, deleted))
	depths, err := f.client.Depths(f.ctx, "email", "email.dead", "warren.unrouted", "warren.delay.00.1", "other")
	require.NoError(t, err)
	assert.Len(t, depths, 1)
	assert.Contains(t, depths, "other", "a queue that the configuration does not name is left")

	require.NoError(t, f.client.Delete(f.ctx, deleted), "again")
	f.declare(spec)
	f.enqueue("email.x")
}
