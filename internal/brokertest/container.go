package brokertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	containertypes "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/rabbitmq"
)

const (
	ownerLabel   = "com.github.warrenmq.brokertest.owner"
	ownedName    = "warren-rabbitmq-"
	detachedName = "warren-detached-"
)

// container is a container of Image with host ports of its own, so that a restart keeps them.
type container struct {
	ctr       *rabbitmq.RabbitMQContainer
	name      string
	host      string // what other nodes of its cluster call it
	addresses addresses
}

// startContainer starts a container, with an image that is here or can be pulled.
func startContainer(ctx context.Context, opts Options) (*Broker, error) {
	docker, err := dialDocker(ctx)
	if err != nil {
		return nil, err
	}
	defer docker.Close()
	if err := provide(ctx, docker, Image, opts.Out); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	onLoopback := onThisMachine(docker)
	var more []testcontainers.ContainerCustomizer
	if opts.InMemory && onLoopback && memoryFolder() != "" {
		more = append(more, inMemory)
	}
	if opts.ErlArgs != "" {
		more = append(more, testcontainers.WithEnv(map[string]string{"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": opts.ErlArgs}))
	}
	return withFreePorts(2, func(ports []int) (*Broker, error) {
		return startContainerOn(ctx, ports[0], ports[1], onLoopback, more...)
	})
}

// startContainerOn starts a container on ports that should be free, published on the loopback only
// if that is where we reach them, with what else is asked of it.
func startContainerOn(
	ctx context.Context, amqpPort, managementPort int, onLoopback bool, more ...testcontainers.ContainerCustomizer,
) (*Broker, error) {
	us, err := ourselves()
	if err != nil {
		return nil, err
	}
	suffix := strings.ToLower(rand.Text()[:10])
	ctr, err := rabbitmq.Run(ctx, Image, append([]testcontainers.ContainerCustomizer{
		testcontainers.WithName(ownedName + suffix),
		testcontainers.WithLabels(map[string]string{ownerLabel: us.String()}),
		testcontainers.CustomizeRequestOption(func(request *testcontainers.GenericContainerRequest) error {
			// The module publishes the TLS ports as well, on every interface.
			request.ExposedPorts = []string{rabbitmq.DefaultAMQPPort, rabbitmq.DefaultHTTPPort}
			return nil
		}),
		testcontainers.WithHostConfigModifier(func(host *containertypes.HostConfig) {
			host.PortBindings = network.PortMap{
				network.MustParsePort(rabbitmq.DefaultAMQPPort): binding(amqpPort, onLoopback),
				network.MustParsePort(rabbitmq.DefaultHTTPPort): binding(managementPort, onLoopback),
			}
		}),
		testcontainers.WithEntrypoint("/bin/sh", "-c", raiseLimit, "sh", "docker-entrypoint.sh"),
		testcontainers.WithCmd("rabbitmq-server"),
		testcontainers.WithFiles(testcontainers.ContainerFile{
			Reader:            strings.NewReader("loopback_users = none\ndisk_free_limit.absolute = 50MB\n"),
			ContainerFilePath: "/etc/rabbitmq/conf.d/20-brokertest.conf",
			FileMode:          0o644,
		}),
	}, more...)...)
	c := &container{ctr: ctr, name: suffix}
	var version, host string
	if err == nil {
		host, err = ctr.Host(ctx)
	}
	if err == nil {
		if host == "localhost" {
			host = "127.0.0.1"
		}
		c.addresses = guestAt(host, amqpPort, managementPort)
		version, err = c.addresses.ready(ctx)
	}
	if err == nil {
		return started(Container, c, c.addresses, version, "container of "+Image), nil
	}
	if tellsTakenPort(err.Error()) {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	if ctr != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(fmt.Errorf("%w; its log ends:\n%s", err, tail(c.logs(ctx), logTailLines)), c.remove(ctx))
	}
	return nil, err
}

// inMemory has a container keep its data in memory.
var inMemory = testcontainers.CustomizeRequestOption(func(request *testcontainers.GenericContainerRequest) error {
	request.Tmpfs = map[string]string{"/var/lib/rabbitmq": ""}
	return nil
})

// logs returns what the container has said, as far as that can be read.
func (c *container) logs(ctx context.Context) string {
	reader, err := c.ctr.Logs(ctx)
	if err != nil {
		return ""
	}
	defer reader.Close()
	text, _ := io.ReadAll(reader)
	return string(text)
}

func binding(port int, onLoopback bool) []network.PortBinding {
	address := netip.IPv4Unspecified()
	if onLoopback {
		address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return []network.PortBinding{{HostIP: address, HostPort: strconv.Itoa(port)}}
}

func (c *container) start(ctx context.Context) error {
	if err := c.ctr.Start(ctx); err != nil {
		return err
	}
	_, err := c.addresses.ready(ctx)
	return err
}

// stop asks RabbitMQ itself to stop: not every image passes the signal of a docker stop on to it.
func (c *container) stop(ctx context.Context) error {
	if running, err := c.running(ctx); err != nil || !running {
		return err
	}
	// The container, and this command with it, may end before the answer.
	_, _, _ = c.ctr.Exec(ctx, []string{"rabbitmqctl", "stop"})
	return poll(ctx, c.ended)
}

func (c *container) kill(ctx context.Context) error {
	if running, err := c.running(ctx); err != nil || !running {
		return err
	}
	return withDocker(ctx, func(docker *client.Client) error {
		if _, err := docker.ContainerKill(ctx, c.ctr.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"}); err != nil {
			return err
		}
		return poll(ctx, c.ended)
	})
}

func (c *container) running(ctx context.Context) (bool, error) {
	state, err := c.ctr.State(ctx)
	if err != nil {
		return false, err
	}
	return state.Running, nil
}

// ended is nil when the container has ended.
func (c *container) ended(ctx context.Context) error {
	running, err := c.running(ctx)
	if err == nil && running {
		err = errors.New("the container still runs")
	}
	return err
}

func (c *container) remove(ctx context.Context) error {
	return testcontainers.TerminateContainer(c.ctr, testcontainers.StopContext(ctx), testcontainers.StopTimeout(0))
}

func (c *container) detach(ctx context.Context) error {
	return withDocker(ctx, func(docker *client.Client) error {
		_, err := docker.ContainerRename(ctx, c.ctr.GetContainerID(), client.ContainerRenameOptions{NewName: detachedName + c.name})
		return err
	})
}

// withDocker runs do with a client of the daemon and closes it.
func withDocker(ctx context.Context, do func(*client.Client) error) error {
	docker, err := dialDocker(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(docker), docker.Close())
}
