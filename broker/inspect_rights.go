package broker

import (
	"context"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Permission is one of RabbitMQ's three permissions.
type Permission string

// The permissions.
const (
	Configure Permission = "configure"
	Write     Permission = "write"
	Read      Permission = "read"
)

// Right is a permission on one exchange or queue. The default exchange is the exchange "amq.default".
type Right struct {
	Permission Permission
	// Exchange says that the name is an exchange's, else it is a queue's.
	Exchange bool
	Name     string
}

// DefaultExchange is the name under which permissions know the default exchange.
const DefaultExchange = "amq.default"

// Refused returns those of the rights that the connection's user does not have. It asks RabbitMQ for
// what cannot be done, and changes nothing: permissions are looked at first, so that only one who has
// the right is told that
//
//   - an argument is invalid, of a declare (configure) or of a consumer (read on a queue);
//   - or nothing, of the unbinding of what is not bound (write; read on an exchange, which cannot be told
//     of one who may not write to any exchange, and is then not among the refused).
//
// Write permission on the default exchange is not asked for here but by [Inspector.Blocked]. It blocks
// until all has been answered, at most 5 s and 100 ms for each right, or ctx is done. The error is
// [ErrNotConnected] or the broker's.
func (i *Inspector) Refused(ctx context.Context, rights []Right) ([]Right, error) {
	ctx, cancel := bounded(ctx, len(rights))
	defer cancel()
	var refused []Right
	err := i.withConnection(ctx, func(conn *connection) error {
		p := prober{conn: conn}
		for _, r := range rights {
			if r.Permission == Write && r.Name == DefaultExchange {
				continue
			}
			has, err := p.has(r)
			if err != nil {
				return err
			}
			if !has {
				refused = append(refused, r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("probe permissions: %w", err)
	}
	return refused, nil
}

// prober asks for one right after the other.
type prober struct {
	conn     *connection
	channel  *amqp.Channel
	writable string // an exchange that the user may write to
}

// has reports whether the user has a right.
func (p *prober) has(r Right) (bool, error) {
	if r.Exchange && r.Permission == Read {
		if err := p.findWritable(r.Name); err != nil || p.writable == "" {
			return err == nil, err
		}
	}
	refused, err := p.refuses(r)
	if err == nil && !refused && r.Exchange && r.Permission == Write {
		p.writable = r.Name
	}
	return !refused, err
}

// findWritable looks for an exchange that the user may write to, where none is known.
func (p *prober) findWritable(exchanges ...string) error {
	for _, name := range append(exchanges, noQueue) {
		if p.writable != "" {
			return nil
		}
		if _, err := p.has(Right{Permission: Write, Exchange: true, Name: name}); err != nil {
			return err
		}
	}
	return nil
}

// refuses reports whether the broker refuses what needs the right. A refusal closes the channel.
func (p *prober) refuses(r Right) (bool, error) {
	if p.channel == nil || p.channel.IsClosed() {
		var err error
		if p.channel, err = p.conn.Channel(); err != nil {
			return false, fmt.Errorf("%w: %w", ErrNotConnected, err)
		}
	}
	err := p.ask(r)
	switch {
	case isCode(err, amqp.AccessRefused):
		// the unbinding needs a right on another name too
		return strings.Contains(err.Error(), "'"+r.Name+"'"), nil
	case err == nil, isCode(err, amqp.PreconditionFailed), isCode(err, amqp.NotFound):
		return false, nil
	default:
		return false, fmt.Errorf("%s on %s: %w", r.Permission, r.Name, err)
	}
}

// ask asks for something that needs the right and cannot be done.
func (p *prober) ask(r Right) error {
	switch {
	case r.Exchange && r.Permission == Configure:
		return p.channel.ExchangeDeclare(r.Name, amqp.ExchangeTopic, true, false, false, false, amqp.Table{"alternate-exchange": int32(0)})
	case r.Exchange && r.Permission == Write:
		return p.channel.ExchangeUnbind(r.Name, noQueue, noQueue, false, nil)
	case r.Exchange:
		return p.channel.ExchangeUnbind(p.writable, noQueue, r.Name, false, nil)
	case r.Permission == Configure:
		_, err := p.channel.QueueDeclare(r.Name, true, false, false, false, amqp.Table{"x-max-length": "nothing"})
		return err
	case r.Permission == Write:
		return p.channel.QueueUnbind(r.Name, noQueue, noQueue, nil)
	default:
		_, err := p.channel.Consume(r.Name, "", false, false, false, false, amqp.Table{"x-priority": "nothing"})
		return err
	}
}
