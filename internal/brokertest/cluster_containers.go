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
	networktypes "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// clusterNetwork is a network that the nodes of a cluster share, beside the one by which clients reach
// them.
type clusterNetwork string

// clientNetwork is Docker's own, over which ports are published. Names of containers are not known there,
// so that nodes do not reach each other by it.
const clientNetwork = "bridge"

// startContainerCluster starts a cluster of containers of [Image].
func startContainerCluster(ctx context.Context, nodes int, out io.Writer) (*Cluster, error) {
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
	shared := clusterNetwork(ownedName + strings.ToLower(rand.Text()[:10]))
	labels := map[string]string{ownerLabel: us.String()}
	if _, err := docker.NetworkCreate(ctx, string(shared), client.NetworkCreateOptions{Driver: "bridge", Labels: labels}); err != nil {
		return nil, err
	}
	c := &Cluster{Nodes: make([]*Broker, nodes), fabric: shared}
	onLoopback, cookie := onThisMachine(docker), rand.Text()
	return c, c.form(ctx, func(ctx context.Context, i int) (*Broker, error) {
		return withFreePorts(2, func(ports []int) (*Broker, error) {
			b, err := startContainerOn(ctx, ports[0], ports[1], onLoopback, shared.place(i, cookie))
			if err == nil {
				b.engine.(*container).host = hostOfNode(i)
			}
			return b, err
		})
	})
}

// place makes a container a node of the cluster.
func (n clusterNetwork) place(i int, cookie string) testcontainers.CustomizeRequestOption {
	return func(request *testcontainers.GenericContainerRequest) error {
		request.Networks = []string{clientNetwork, string(n)}
		request.NetworkAliases = map[string][]string{string(n): {hostOfNode(i)}}
		request.Files = append(request.Files, testcontainers.ContainerFile{
			Reader: strings.NewReader(clusterSettings), ContainerFilePath: "/etc/rabbitmq/conf.d/30-cluster.conf", FileMode: 0o644,
		})
		return errors.Join(
			testcontainers.WithEnv(map[string]string{"RABBITMQ_ERLANG_COOKIE": cookie})(request),
			testcontainers.WithConfigModifier(func(config *containertypes.Config) { config.Hostname = hostOfNode(i) })(request),
		)
	}
}

// hostOfNode is what the container of a node is called by the others.
func hostOfNode(i int) string { return fmt.Sprintf("rabbit-%d", i+1) }

func (n clusterNetwork) cut(ctx context.Context, nodes []*Broker, i int) error {
	return withDocker(ctx, func(docker *client.Client) error {
		_, err := docker.NetworkDisconnect(ctx, string(n), client.NetworkDisconnectOptions{Container: containerID(nodes[i])})
		return err
	})
}

func (n clusterNetwork) heal(ctx context.Context, nodes []*Broker, i int) error {
	return withDocker(ctx, func(docker *client.Client) error {
		_, err := docker.NetworkConnect(ctx, string(n), client.NetworkConnectOptions{
			Container: containerID(nodes[i]), EndpointConfig: &networktypes.EndpointSettings{Aliases: []string{hostOfNode(i)}},
		})
		return err
	})
}

func containerID(b *Broker) string { return b.engine.(*container).ctr.GetContainerID() }

func (n clusterNetwork) remove(ctx context.Context) error {
	return withDocker(ctx, func(docker *client.Client) error { return removeNetwork(ctx, docker, string(n)) })
}

// fullName is what RabbitMQ calls a node after its container's host name.
func (c *container) fullName() string { return "rabbit@" + c.host }

func (c *container) control(ctx context.Context, args ...string) error {
	code, output, err := c.ctr.Exec(ctx, append([]string{"rabbitmqctl"}, args...))
	if err == nil && code != 0 {
		text, _ := io.ReadAll(output)
		err = fmt.Errorf("exit status %d: %s", code, text)
	}
	if err != nil {
		return fmt.Errorf("rabbitmqctl %s on %s: %w", args[0], c.fullName(), err)
	}
	return nil
}

func (c *container) pause(ctx context.Context) error {
	return withDocker(ctx, func(docker *client.Client) error {
		_, err := docker.ContainerPause(ctx, c.ctr.GetContainerID(), client.ContainerPauseOptions{})
		return err
	})
}

func (c *container) resume(ctx context.Context) error {
	return withDocker(ctx, func(docker *client.Client) error {
		_, err := docker.ContainerUnpause(ctx, c.ctr.GetContainerID(), client.ContainerUnpauseOptions{})
		return err
	})
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
