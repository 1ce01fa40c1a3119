package brokertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// clusterSettings are what an operator of a cluster should set, as docs/deploying.md says, and why: a
// node that is cut off is noticed after some 6 s and not after 60, one in a minority stops serving
// before 4.3 instead of going its own way, and queues have their leaders on all nodes.
const clusterSettings = `cluster_partition_handling = pause_minority
net_ticktime = 6
queue_leader_locator = balanced
`

// Cluster is a RabbitMQ of several nodes.
type Cluster struct {
	// Nodes are the nodes. They may be stopped, killed and started again; it is Close that closes them.
	Nodes []*Broker

	fabric fabric
}

// fabric is what the nodes of a cluster reach each other by.
type fabric interface {
	// cut has a node reach no other, and none reach it. Clients still reach all of them.
	cut(ctx context.Context, nodes []*Broker, i int) error
	// heal ends that.
	heal(ctx context.Context, nodes []*Broker, i int) error
	// remove deletes what is left when the nodes are gone.
	remove(ctx context.Context) error
}

// member is an engine that can be a node of a cluster.
type member interface {
	engine
	// fullName is what the other nodes know it by.
	fullName() string
	// control runs rabbitmqctl on it.
	control(ctx context.Context, args ...string) error
	// pause freezes it: its connections stay and say nothing. resume ends that.
	pause(ctx context.Context) error
	resume(ctx context.Context) error
}

// StartCluster starts a cluster of a number of nodes for the caller alone, who closes it: of the flavour
// Node or Container. Containers have a network of their own.
func StartCluster(ctx context.Context, flavour Flavour, nodes int, opts Options) (*Cluster, error) {
	opts = opts.withDefaults()
	sweep(ctx, opts.Out)
	var c *Cluster
	var err error
	switch flavour {
	case Node:
		c, err = startNodeCluster(ctx, nodes, opts)
	case Container:
		c, err = startContainerCluster(ctx, nodes, opts.Out)
	default:
		err = errors.New("only nodes or containers can be started")
	}
	if err != nil {
		return nil, fmt.Errorf("brokertest: start a cluster (%s): %w", flavour, err)
	}
	return c, nil
}

// form starts the nodes, each still alone, has the others join the first, and closes all where that fails.
func (c *Cluster) form(ctx context.Context, start func(ctx context.Context, i int) (*Broker, error)) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range c.Nodes {
		group.Go(func() (err error) {
			c.Nodes[i], err = start(groupCtx, i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range c.Nodes[1:] {
		if err := c.join(ctx, i+1); err != nil {
			return err
		}
	}
	return nil
}

// join has a node join the first.
func (c *Cluster) join(ctx context.Context, i int) error {
	node := c.member(i)
	for _, command := range [][]string{{"stop_app"}, {"join_cluster", c.member(0).fullName()}, {"start_app"}} {
		if err := node.control(ctx, command...); err != nil {
			return err
		}
	}
	return node.start(ctx)
}

func (c *Cluster) member(i int) member { return c.Nodes[i].engine.(member) }

// AwaitWhole returns when the node answers and sees all nodes run, or with an error when ctx is done.
func (c *Cluster) AwaitWhole(ctx context.Context, i int) error {
	return c.with(ctx, i, "await all nodes at", func(m member, ctx context.Context) error {
		return m.control(ctx, "await_online_nodes", strconv.Itoa(len(c.Nodes)), "--timeout", "60")
	})
}

// AwaitSpare returns when no queue would lose its majority with the node, so that it may be stopped, or
// with an error when ctx is done. It is what an operator asks before a rolling restart goes on.
func (c *Cluster) AwaitSpare(ctx context.Context, i int) error {
	err := poll(ctx, func(ctx context.Context) error {
		return managementAt(c.Nodes[i].Management).do(ctx, http.MethodGet, "/api/health/checks/node-is-quorum-critical", nil)
	})
	if err != nil {
		return fmt.Errorf("brokertest: node %d is critical to a queue: %w", i+1, err)
	}
	return nil
}

// Cut cuts a node off: it reaches no other node, and none reaches it, while clients reach them all. Heal
// ends that.
func (c *Cluster) Cut(ctx context.Context, i int) error {
	return c.with(ctx, i, "cut off", func(_ member, ctx context.Context) error { return c.fabric.cut(ctx, c.Nodes, i) })
}

// Heal has a node that was cut off reach the others again.
func (c *Cluster) Heal(ctx context.Context, i int) error {
	return c.with(ctx, i, "heal", func(_ member, ctx context.Context) error { return c.fabric.heal(ctx, c.Nodes, i) })
}

// Pause freezes a node: its connections stay and say nothing. Resume ends that.
func (c *Cluster) Pause(ctx context.Context, i int) error {
	return c.with(ctx, i, "pause", member.pause)
}

// Resume has a paused node go on.
func (c *Cluster) Resume(ctx context.Context, i int) error {
	return c.with(ctx, i, "resume", member.resume)
}

func (c *Cluster) with(ctx context.Context, i int, verb string, do func(member, context.Context) error) error {
	return c.Nodes[i].with(ctx, verb, readyTimeout, func(e engine, ctx context.Context) error { return do(e.(member), ctx) })
}

// Close removes all nodes and what tied them, within 45 s each. It does nothing when called again.
func (c *Cluster) Close() error {
	var errs []error
	for _, node := range c.Nodes {
		if node != nil {
			errs = append(errs, node.Close())
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return errors.Join(append(errs, c.fabric.remove(ctx))...)
}
