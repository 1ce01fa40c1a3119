//go:build integration && docker

package brokertest

import (
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

func TestContainerCluster(t *testing.T) {
	c, err := StartCluster(t.Context(), Container, 3, Options{Out: t.Output()})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	mustWork(t, c)
	mustHaveNoNetwork(t, string(c.fabric.(clusterNetwork)))
}

// A network whose owner has ended is removed with its containers.
func TestClusterOrphan(t *testing.T) {
	c, err := StartCluster(t.Context(), Container, 2, Options{Out: t.Output()})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ourOwn := ownedByUs(t)
	err = removeAbandonedContainers(t.Context(), t.Output(), func(recorded string) bool { return recorded == ourOwn })
	require.NoError(t, err)
	mustHaveNoNetwork(t, string(c.fabric.(clusterNetwork)))
	require.NoError(t, c.Close(), "of a cluster that somebody removed")
}

func mustHaveNoNetwork(t *testing.T, name string) {
	t.Helper()
	err := withDocker(t.Context(), func(docker *client.Client) error {
		list, err := docker.NetworkList(t.Context(), client.NetworkListOptions{})
		for _, item := range list.Items {
			if item.Name == name {
				t.Errorf("the network %s is left", name)
			}
		}
		return err
	})
	require.NoError(t, err)
}
