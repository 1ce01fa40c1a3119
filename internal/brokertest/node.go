package brokertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
)

const logTailLines = 25

var errNodeEnded = errors.New("the node ended by itself")

// node is a private RabbitMQ node: its folder, its ports, and its process while it runs.
type node struct {
	server  string
	name    string
	folder  folder
	ports   nodePorts
	erlArgs string
	process *process
}

// nodeSettings are what a node has in common with others.
type nodeSettings struct {
	cookie string
	lines  string // of its configuration
}

// aloneSettings are those of a node that is in no cluster.
func aloneSettings() nodeSettings { return nodeSettings{cookie: rand.Text()} }

// startNode starts a private node of the rabbitmq-server on this machine.
func startNode(ctx context.Context, opts Options) (*Broker, error) {
	server, err := findServer()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return withFreePorts(3, func(ports []int) (*Broker, error) {
		return startNodeOn(ctx, opts, aloneSettings(), server, nodePorts{amqp: ports[0], dist: ports[1], management: ports[2]})
	})
}

// startNodeOn starts a node on ports that should be free.
func startNodeOn(ctx context.Context, opts Options, settings nodeSettings, server string, ports nodePorts) (*Broker, error) {
	f, err := newFolder(opts, settings.cookie)
	if err != nil {
		return nil, err
	}
	n := &node{server: server, name: "warren-" + strings.ToLower(rand.Text()[:10]) + "@localhost", folder: f, ports: ports, erlArgs: opts.ErlArgs}
	if err = f.configure(ports, settings.lines); err == nil {
		err = n.launch()
	}
	var version string
	if err == nil {
		version, err = n.ready(ctx)
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		return nil, errors.Join(err, n.remove(ctx))
	}
	return started(Node, n, n.addresses(), version, "private node from "+server), nil
}

func (n *node) addresses() addresses { return guestAt("127.0.0.1", n.ports.amqp, n.ports.management) }

// launch starts the node's process and records it in the folder.
func (n *node) launch() error {
	for _, stale := range []string{"beam.pid", "console.log"} {
		if err := os.Remove(n.folder.path(stale)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	p, err := launch(n.server, n.folder.environment(n.name, n.ports, n.erlArgs), string(n.folder), n.folder.path("console.log"))
	if err != nil {
		return err
	}
	n.process = p
	return n.folder.write("process", p.self.String(), 0o600)
}

// ready waits until the node answers; where it does not, the error ends with the tail of its log.
func (n *node) ready(ctx context.Context) (version string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		defer cancel()
		select {
		case <-n.process.done:
		case <-ctx.Done():
		}
	}()
	version, err = n.addresses().ready(ctx)
	cancel()
	<-watched
	if err == nil {
		return version, nil
	}
	if n.process.ended() {
		err = errNodeEnded
	}
	logs := n.folder.logs()
	if tellsTakenPort(logs) {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return "", fmt.Errorf("%w; its log ends:\n%s", err, tail(logs, logTailLines))
}

func (n *node) running() bool { return n.process != nil && !n.process.ended() }

func (n *node) start(ctx context.Context) error {
	if !n.running() {
		if err := n.launch(); err != nil {
			return err
		}
	}
	_, err := n.ready(ctx)
	return err
}

func (n *node) stop(ctx context.Context) error {
	if !n.running() {
		return nil
	}
	return n.process.terminate(ctx, n.folder.beam)
}

func (n *node) kill(ctx context.Context) error {
	if n.process == nil {
		return nil
	}
	return n.process.kill(ctx, n.folder.beam)
}

func (n *node) remove(ctx context.Context) error {
	if err := n.kill(ctx); err != nil {
		return err
	}
	return os.RemoveAll(string(n.folder))
}

func (n *node) detach(context.Context) error {
	return n.folder.write("owner", detachedOwner, 0o600)
}
