//go:build integration && docker

package brokertest

import (
	"testing"

	"github.com/moby/moby/client"
)

// The nodes of a cluster know each other, may be frozen and killed one by one, and leave nothing behind.
func TestCluster(t *testing.T) {
	c, err := StartCluster(t.Context(), 3, Options{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	online := func(nodes string) {
		t.Helper()
		code, _, err := c.Nodes[1].engine.(*container).ctr.Exec(t.Context(), []string{"rabbitmqctl", "await_online_nodes", nodes, "--timeout", "30"})
		if err != nil || code != 0 {
			t.Fatalf("not %s nodes: exit status %d, %v", nodes, code, err)
		}
	}
	online("3")
	if err := c.Nodes[0].Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	online("2")
	if err := c.Nodes[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	online("3")
	if err := c.Pause(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t.Context(), c.Nodes[2].URL); err == nil {
		t.Error("a frozen node answers")
	}
	if err := c.Resume(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t.Context(), c.Nodes[2].URL); err != nil {
		t.Error(err)
	}
	if err := c.Pause(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	mustHaveNoNetwork(t, c.network)
	for _, node := range c.Nodes {
		mustBeGone(t, node)
	}
}

// A network whose owner has ended is removed with its containers.
func TestClusterOrphan(t *testing.T) {
	c, err := StartCluster(t.Context(), 2, Options{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ourOwn := ownedByUs(t)
	if err := removeAbandonedContainers(t.Context(), t.Output(), func(recorded string) bool { return recorded == ourOwn }); err != nil {
		t.Fatal(err)
	}
	mustHaveNoNetwork(t, c.network)
	if err := c.Close(); err != nil {
		t.Errorf("Close of a cluster that somebody removed: %v", err)
	}
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
	if err != nil {
		t.Fatal(err)
	}
}
