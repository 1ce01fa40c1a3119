//go:build integration && docker

package brokertest

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/moby/moby/client"
)

// A container that is stopped, killed and started again keeps its addresses and its messages;
// detached, it runs on until it is removed.
func TestContainerLife(t *testing.T) {
	b, err := Start(t.Context(), Container, Options{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	c := b.engine.(*container)
	t.Cleanup(func() { c.remove(context.Background()) })
	if !strings.HasPrefix(b.Version, "4.3.") {
		t.Errorf("version %s of %s", b.Version, Image)
	}
	exerciseLife(t, b)
	exerciseDetach(t, b, func(ctx context.Context, _ io.Writer, is abandoned) error {
		return withDocker(ctx, func(docker *client.Client) error {
			all, err := listContainers(ctx, docker)
			for _, other := range all {
				// There may be others that are none of this test's.
				if other.id == c.ctr.GetContainerID() && is(other.owner) {
					err = c.remove(ctx)
				}
			}
			return err
		})
	})
}

// A container whose owner has ended is removed, and one whose owner lives is not.
func TestContainerOrphan(t *testing.T) {
	b, err := Start(t.Context(), Container, Options{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if err := removeAbandonedContainers(t.Context(), t.Output(), orphaned); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t.Context(), b.URL); err != nil {
		t.Fatalf("a broker whose owner lives was removed: %v", err)
	}
	ourOwn := ownedByUs(t)
	if err := removeAbandonedContainers(t.Context(), t.Output(), func(recorded string) bool { return recorded == ourOwn }); err != nil {
		t.Fatal(err)
	}
	mustBeGone(t, b)
	if err := b.Close(); err != nil {
		t.Errorf("Close of a broker that somebody removed: %v", err)
	}
}

// An image that cannot be pulled is an error of one line, in bounded time.
func TestProvideFails(t *testing.T) {
	err := withDocker(t.Context(), func(docker *client.Client) error {
		return provide(t.Context(), docker, "rabbitmq:0.0-no-such-version", t.Output())
	})
	if err == nil || !strings.Contains(oneLine(err), "cannot be pulled") {
		t.Errorf("error %v", err)
	}
	t.Log(err)
}
