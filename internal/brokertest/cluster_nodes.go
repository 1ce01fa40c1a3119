package brokertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// cookieFabric ties private nodes on one machine: by a cookie that they share, and by nothing else. It
// needs no rights to the machine's network.
type cookieFabric struct{}

// startNodeCluster starts a cluster of private nodes of the rabbitmq-server on this machine.
func startNodeCluster(ctx context.Context, nodes int, opts Options) (*Cluster, error) {
	server, err := findServer()
	if err != nil {
		return nil, err
	}
	c := &Cluster{Nodes: make([]*Broker, nodes), fabric: cookieFabric{}}
	shared := nodeSettings{cookie: rand.Text(), lines: clusterSettings}
	return c, c.form(ctx, func(ctx context.Context, i int) (*Broker, error) {
		return withFreePorts(3, func(ports []int) (*Broker, error) {
			return startNodeOn(ctx, opts, shared, server, nodePorts{amqp: ports[0], dist: ports[1], management: ports[2]})
		})
	})
}

// cut has a node take another cookie for the others', so that they refuse each other, and closes what is
// open between them. rabbitmqctl has the node's own and is heard on.
func (cookieFabric) cut(ctx context.Context, nodes []*Broker, i int) error {
	const cutOff = "[begin erlang:set_cookie(N, cut_off), erlang:disconnect_node(N) end || N <- %s]."
	return nodes[i].engine.(*node).control(ctx, "eval", fmt.Sprintf(cutOff, others(nodes, i)))
}

// heal gives the node the cookie again. RabbitMQ finds the others itself.
func (cookieFabric) heal(ctx context.Context, nodes []*Broker, i int) error {
	const healed = "[begin erlang:set_cookie(N, erlang:get_cookie()), net_kernel:connect_node(N) end || N <- %s]."
	return nodes[i].engine.(*node).control(ctx, "eval", fmt.Sprintf(healed, others(nodes, i)))
}

func (cookieFabric) remove(context.Context) error { return nil }

// others are the names of all nodes but one, as Erlang writes them.
func others(nodes []*Broker, i int) string {
	var names []string
	for k, b := range nodes {
		if k != i {
			names = append(names, "'"+b.engine.(*node).name+"'")
		}
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func (n *node) fullName() string { return n.name }

func (n *node) control(ctx context.Context, args ...string) error {
	program := filepath.Join(filepath.Dir(n.server), "rabbitmqctl")
	cmd := exec.CommandContext(ctx, program, append([]string{"-n", n.name}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+n.folder.path("home"))
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("rabbitmqctl %s on %s: %w: %s", args[0], n.name, err, tail(string(text), logTailLines))
	}
	return nil
}

func (n *node) pause(context.Context) error { return n.signal(syscall.SIGSTOP) }

func (n *node) resume(context.Context) error { return n.signal(syscall.SIGCONT) }

// signal sends a signal to the node's Erlang machine and the script above it.
func (n *node) signal(s syscall.Signal) error {
	if !n.running() {
		return errors.New("the node does not run")
	}
	return syscall.Kill(-n.process.self.pid, s)
}
