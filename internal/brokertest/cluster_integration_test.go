//go:build integration

package brokertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// mustWork has the nodes of a cluster killed, cut off and frozen one by one, and closes it.
func mustWork(t *testing.T, c *Cluster) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, c.AwaitWhole(ctx, 1))
	require.NoError(t, c.Nodes[0].Kill(ctx))
	require.NoError(t, c.member(1).control(ctx, "await_online_nodes", "2", "--timeout", "30"))
	require.NoError(t, c.Nodes[0].Start(ctx))
	require.NoError(t, c.AwaitWhole(ctx, 1))
	require.NoError(t, c.AwaitSpare(ctx, 1))

	const alone = `case length([N || N <- nodes(), rabbit:is_running(N)]) of 0 -> ok; N -> exit({knows, N}) end.`
	require.NoError(t, c.Cut(ctx, 2))
	require.NoError(t, poll(ctx, func(ctx context.Context) error { return c.member(2).control(ctx, "eval", alone) }))
	require.NoError(t, c.Heal(ctx, 2))
	require.NoError(t, c.Nodes[2].Start(ctx))
	require.NoError(t, c.AwaitWhole(ctx, 2))

	require.NoError(t, c.Pause(ctx, 2))
	_, err := handshake(ctx, c.Nodes[2].URL)
	require.Error(t, err, "a frozen node answers")
	require.NoError(t, c.Resume(ctx, 2))
	_, err = handshake(ctx, c.Nodes[2].URL)
	require.NoError(t, err)
	require.NoError(t, c.Pause(ctx, 2))
	for range 2 {
		require.NoError(t, c.Close())
	}
	for _, node := range c.Nodes {
		mustBeGone(t, node)
	}
}

func TestNodeCluster(t *testing.T) {
	c, err := StartCluster(t.Context(), Node, 3, Options{Out: t.Output()})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	mustWork(t, c)
}
