package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// Presence is what AMQP alone tells of a topology. Bindings and policies cannot be asked for over it.
type Presence struct {
	// Missing are the names of what does not exist.
	MissingExchanges []string
	MissingQueues    []string
	// Depths are of the queues and streams that exist.
	Depths map[string]Depth
	// Drift is what differs, as far as the user may declare: of each its first difference.
	Drift []*DriftError
	// Undeclarable is the names of what could not be compared for want of permission.
	Undeclarable []string
}

// Presence compares a topology with what exists. It declares what exists already, which changes
// nothing and is refused where it differs; what does not exist is left so. It blocks until all has been
// answered, at most 5 s and 100 ms for each name, or ctx is done. The error is [ErrNotConnected],
// [ErrRefused] where the user may see nothing, or the broker's.
func (i *Inspector) Presence(ctx context.Context, t *routing.Topology) (Presence, error) {
	queues := slices.Concat(t.Queues, t.Streams)
	ctx, cancel := bounded(ctx, len(t.Exchanges)+len(queues))
	defer cancel()
	found := presence{Presence: Presence{Depths: map[string]Depth{}}}
	err := i.withConnection(ctx, func(conn *connection) error {
		d := &declaration{ctx: ctx, newChannel: conn.Channel}
		for _, e := range t.Exchanges {
			if err := found.exchange(d, e); err != nil {
				return err
			}
		}
		for n := range queues {
			if err := found.queue(d, &queues[n]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Presence{}, fmt.Errorf("look at the topology: %w", err)
	}
	return found.Presence, nil
}

// presence collects.
type presence struct{ Presence }

func (p *presence) exchange(d *declaration, e routing.Exchange) error {
	channel, err := d.open()
	if err != nil {
		return err
	}
	err = channel.ExchangeDeclarePassive(e.Name, string(e.Kind), true, false, false, false, nil)
	switch {
	case isCode(err, amqp.NotFound):
		p.MissingExchanges = append(p.MissingExchanges, e.Name)
		return nil
	case err != nil:
		return describe("exchange", e.Name, err)
	}
	return p.compare(e.Name, d.exchange(e))
}

func (p *presence) queue(d *declaration, q *routing.Queue) error {
	channel, err := d.open()
	if err != nil {
		return err
	}
	state, err := channel.QueueDeclarePassive(q.Name, true, false, false, false, nil)
	switch {
	case isCode(err, amqp.NotFound):
		p.MissingQueues = append(p.MissingQueues, q.Name)
		return nil
	case err != nil:
		return describe("queue", q.Name, err)
	}
	p.Depths[q.Name] = Depth{Ready: state.Messages, Consumers: state.Consumers}
	_, err = channel.QueueDeclare(q.Name, true, false, false, false, amqp.Table(q.Arguments))
	if err != nil {
		err = describe("queue", q.Name, err)
	}
	return p.compare(q.Name, err)
}

// compare takes note of what a declare of what exists was answered with.
func (p *presence) compare(name string, err error) error {
	var drift *DriftError
	switch {
	case err == nil:
	case errors.As(err, &drift):
		p.Drift = append(p.Drift, drift)
	case errors.Is(err, ErrRefused):
		p.Undeclarable = append(p.Undeclarable, name)
	default:
		return err
	}
	return nil
}
