package broker

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// Declare declares the whole topology of a configuration, idempotently, over a connection of its
// own. It blocks until the broker has answered or ctx is done; for a broker that is away it waits, as
// [Connect] does.
//
// A queue that exists already is taken as it is where its type was configured as auto and the other
// type fits, and where it lacks arguments that only tune it; that is logged as a warning. Any
// other difference is a [*DriftError]. So is a stream taken with the retention that it has; one that
// cannot be declared, for want of permission or on a broker without streams, is a warning too, since
// no task goes through it. The errors of routing.Build are returned as they are.
func (c *Client) Declare(ctx context.Context, spec routing.Spec) error {
	spec.Names = c.names
	facts := routing.Broker{Version: c.version, Nodes: c.management.nodes(ctx)}
	topology, err := routing.Build(spec, facts)
	if err != nil {
		return err
	}
	for _, text := range topology.Degraded {
		c.cfg.Log.Warn("this broker does less than was asked", "what", text)
	}
	waiting := backoff{min: c.cfg.BackoffMin, max: c.cfg.BackoffMax}
	for {
		err := c.withChannel(ctx, "declare", func(newChannel func() (*amqp.Channel, error)) error {
			d := declaration{client: c, ctx: ctx, facts: facts, newChannel: newChannel}
			return d.run(&topology)
		})
		if err == nil {
			return nil
		}
		err = fmt.Errorf("declare the topology: %w", err)
		if !errors.Is(err, ErrNotConnected) || errors.Is(err, errLogIn) {
			return err
		}
		c.cfg.Log.Warn("trying again", "error", err)
		if waiting.wait(ctx) != nil {
			return err
		}
	}
}

// declaration is one run of Declare. A declare that the broker refuses closes its channel, so the
// next one is given a new channel.
type declaration struct {
	client     *Client
	ctx        context.Context
	facts      routing.Broker
	newChannel func() (*amqp.Channel, error)
	channel    *amqp.Channel
}

func (d *declaration) run(t *routing.Topology) error {
	for _, e := range t.Exchanges {
		if err := d.exchange(e); err != nil {
			return err
		}
	}
	for i := range t.Queues {
		if err := d.queue(&t.Queues[i]); err != nil {
			return err
		}
	}
	for _, b := range t.Bindings {
		if err := d.bind(b); err != nil {
			return err
		}
	}
	return d.streams(t.Streams)
}

// open returns a channel that is open.
func (d *declaration) open() (*amqp.Channel, error) {
	if d.channel != nil && !d.channel.IsClosed() {
		return d.channel, nil
	}
	channel, err := d.newChannel()
	d.channel = channel
	return channel, err
}

func (d *declaration) exchange(e routing.Exchange) error {
	channel, err := d.open()
	if err != nil {
		return err
	}
	args := amqp.Table{}
	if e.Alternate != "" {
		args["alternate-exchange"] = e.Alternate
	}
	if err := channel.ExchangeDeclare(e.Name, string(e.Kind), true, false, false, false, args); err != nil {
		return describe("exchange", e.Name, err)
	}
	return nil
}

func (d *declaration) bind(b routing.Binding) error {
	channel, err := d.open()
	if err != nil {
		return err
	}
	if b.ToExchange {
		err = channel.ExchangeBind(b.Destination, b.Key, b.Source, false, nil)
	} else {
		err = channel.QueueBind(b.Destination, b.Key, b.Source, false, nil)
	}
	if err != nil {
		return fmt.Errorf("bind %s to %s with %q: %w", b.Destination, b.Source, b.Key, err)
	}
	return nil
}

// queue declares a queue as it is described, else adopts what exists.
func (d *declaration) queue(q *routing.Queue) error {
	err := d.attempt(q)
	var drift *DriftError
	if !errors.As(err, &drift) {
		return err
	}
	if q.Adopt {
		other := *q
		other.Type = routing.Classic
		if q.Type == routing.Classic {
			other.Type = routing.Quorum
		}
		other.Arguments = routing.WorkArguments(d.client.names, q.Name, other.Type, d.facts)
		otherErr := d.attempt(&other)
		if otherErr == nil {
			d.client.cfg.Log.Warn("queue exists with another type, which is adopted", "queue", q.Name, "type", other.Type, "wanted", q.Type)
			return nil
		}
		if drift.Argument == routing.ArgQueueType || drift.Have == routing.ArgumentText(other.Arguments[drift.Argument]) {
			err = otherErr // it is of the other type, and differs from that too
		}
	}
	if errors.As(err, &drift) {
		drift.Others = d.client.management.differences(d.ctx, q.Name, drift.wanted)
	}
	return err
}

// attempt declares a queue of one type, without those tuning arguments that an existing one lacks.
func (d *declaration) attempt(q *routing.Queue) error {
	args := amqp.Table{}
	for name, value := range q.Arguments {
		args[name] = value
	}
	for {
		channel, err := d.open()
		if err != nil {
			return err
		}
		_, err = channel.QueueDeclare(q.Name, true, false, false, false, args)
		if err == nil {
			return nil
		}
		err = describe("queue", q.Name, err)
		var drift *DriftError
		if !errors.As(err, &drift) {
			return err
		}
		drift.wanted = args
		if routing.Retention(drift.Argument) && drift.adopt(args) {
			d.client.cfg.Log.Warn("stream exists with another retention, which is adopted",
				"stream", q.Name, "argument", drift.Argument, "is", drift.Have, "wanted", drift.Want)
			continue
		}
		if !routing.Tuning(drift.Argument) || !drift.lacks() || args[drift.Argument] == nil {
			return err
		}
		d.client.cfg.Log.Warn("queue exists without an argument that is not insisted on",
			"queue", q.Name, "argument", drift.Argument, "wanted", args[drift.Argument])
		delete(args, drift.Argument)
	}
}

// describe turns the broker's answer to a declare into an error that says what is wrong.
func describe(kind, name string, err error) error {
	var amqpErr *amqp.Error
	if errors.As(err, &amqpErr) {
		if drift := parseDrift(kind, name, amqpErr); drift != nil {
			return drift
		}
		if amqpErr.Code == amqp.AccessRefused {
			return fmt.Errorf("%s %s: %w: %w", kind, name, ErrRefused, err)
		}
	}
	return fmt.Errorf("%s %s: %w", kind, name, err)
}
