package brokertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	containertypes "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"golang.org/x/sync/errgroup"
)

// Cluster is a RabbitMQ of several nodes: containers of [Image] in a network of their own.
type Cluster struct {
	// Nodes are the nodes. They may be stopped, killed and started again; it is Close that closes them.
	Nodes []*Broker

	network string
}

// StartCluster starts a cluster of a number of nodes for the caller alone, who closes it. It needs a
// Docker daemon.
func StartCluster(ctx context.Context, nodes int, opts Options) (*Cluster, error) {
	opts = opts.withDefaults()
	sweep(ctx, opts.Out)
	c, err := startCluster(ctx, nodes, opts.Out)
	if err != nil {
		return nil, fmt.Errorf("brokertest: start a cluster: %w", err)
	}
	return c, nil
}

func startCluster(ctx context.Context, nodes int, out io.Writer) (_ *Cluster, err error) {
	docker, err := dialDocker(ctx)
	if err != nil {
		return nil, err
	}
	defer docker.Close()
	if err := provide(ctx, docker, Image, out); err != nil {
		return nil, err
	}
	us, err := ourselves()
	if err != nil {
		return nil, err
	}
	c := &Cluster{Nodes: make([]*Broker, nodes), network: ownedName + strings.ToLower(rand.Text()[:10])}
	labels := map[string]string{ownerLabel: us.String()}
	if _, err := docker.NetworkCreate(ctx, c.network, client.NetworkCreateOptions{Driver: "bridge", Labels: labels}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := c.startNodes(ctx, onThisMachine(docker)); err != nil {
		return nil, err
	}
	for i := range c.Nodes[1:] {
		if err := c.join(ctx, i+1); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// startNodes starts all nodes at once, each still alone.
func (c *Cluster) startNodes(ctx context.Context, onLoopback bool) error {
	cookie := rand.Text()
	group, ctx := errgroup.WithContext(ctx)
	for i := range c.Nodes {
		group.Go(func() (err error) {
			c.Nodes[i], err = withFreePorts(2, func(ports []int) (*Broker, error) {
				return startContainerOn(ctx, ports[0], ports[1], onLoopback,
					testcontainers.WithEnv(map[string]string{"RABBITMQ_ERLANG_COOKIE": cookie}),
					testcontainers.WithConfigModifier(func(config *containertypes.Config) { config.Hostname = hostOfNode(i) }),
					network.WithNetworkName([]string{hostOfNode(i)}, c.network),
				)
			})
			return err
		})
	}
	return group.Wait()
}

// hostOfNode is what a node is called by the others.
func hostOfNode(i int) string { return fmt.Sprintf("rabbit-%d", i+1) }

// join has a node join the first.
func (c *Cluster) join(ctx context.Context, i int) error {
	node := c.Nodes[i].engine.(*container)
	for _, command := range []string{"stop_app", "join_cluster rabbit@" + hostOfNode(0), "start_app"} {
		code, output, err := node.ctr.Exec(ctx, append([]string{"rabbitmqctl"}, strings.Fields(command)...))
		if err == nil && code != 0 {
			text, _ := io.ReadAll(output)
			err = fmt.Errorf("exit status %d: %s", code, text)
		}
		if err != nil {
			return fmt.Errorf("rabbitmqctl %s on %s: %w", command, hostOfNode(i), err)
		}
	}
	_, err := node.addresses.ready(ctx)
	return err
}

// Pause freezes a node: its connections stay and say nothing. Resume ends that.
func (c *Cluster) Pause(ctx context.Context, i int) error {
	return c.Nodes[i].with(ctx, "pause", stopTimeout, func(e engine, ctx context.Context) error {
		return withDocker(ctx, func(docker *client.Client) error {
			_, err := docker.ContainerPause(ctx, e.(*container).ctr.GetContainerID(), client.ContainerPauseOptions{})
			return err
		})
	})
}

// Resume has a paused node go on.
func (c *Cluster) Resume(ctx context.Context, i int) error {
	return c.Nodes[i].with(ctx, "resume", stopTimeout, func(e engine, ctx context.Context) error {
		return withDocker(ctx, func(docker *client.Client) error {
			_, err := docker.ContainerUnpause(ctx, e.(*container).ctr.GetContainerID(), client.ContainerUnpauseOptions{})
			return err
		})
	})
}

// Close removes all nodes and the network, within 45 s each. It does nothing when called again.
func (c *Cluster) Close() error {
	var errs []error
	for _, node := range c.Nodes {
		if node != nil {
			errs = append(errs, node.Close())
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return errors.Join(append(errs, withDocker(ctx, func(docker *client.Client) error { return removeNetwork(ctx, docker, c.network) }))...)
}

// removeNetwork removes a network, unless it is gone.
func removeNetwork(ctx context.Context, docker *client.Client, name string) error {
	if _, err := docker.NetworkRemove(ctx, name, client.NetworkRemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove network %s: %w", name, err)
	}
	return nil
}

// removeAbandonedNetworks removes networks of this package, whose containers were removed before.
func removeAbandonedNetworks(ctx context.Context, docker *client.Client, out io.Writer, is abandoned) error {
	marked := make(client.Filters).Add("label", ownerLabel)
	list, err := docker.NetworkList(ctx, client.NetworkListOptions{Filters: marked})
	if err != nil {
		return fmt.Errorf("list networks: %w", err)
	}
	var errs []error
	for _, item := range list.Items {
		if !is(item.Labels[ownerLabel]) {
			continue
		}
		if err := removeNetwork(ctx, docker, item.Name); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(out, "brokertest: removed the network %s\n", item.Name)
	}
	return errors.Join(errs...)
}
