package broker

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

// session is one channel on one connection: the life of delivery tags. It is never reopened.
type session struct {
	channel *amqp.Channel
	closed  chan *amqp.Error
	life    context.Context // done when the session has ended
	lose    context.CancelFunc
}

func newSession(channel *amqp.Channel) *session {
	s := &session{channel: channel, closed: channel.NotifyClose(make(chan *amqp.Error, 1))}
	s.life, s.lose = context.WithCancel(context.Background())
	return s
}

// Delivery is a message as a consumer was given it, to be acknowledged exactly once on the session
// that it came from. Its methods do not wait for the broker, and return an error that is
// [ErrSessionLost] when the session has ended: the broker then gives the message out again.
type Delivery struct {
	// Message is what was delivered.
	Message tasks.Message
	// Redelivered says that the broker has given the message out before.
	Redelivered bool

	session *session
	tag     uint64
}

// Lost reports whether the delivery's session has ended, so that the message is or will be
// somebody else's.
func (d *Delivery) Lost() bool { return d.session.life.Err() != nil || d.session.channel.IsClosed() }

// Context returns a context that is done when the delivery's session has ended, soon after Lost
// has begun to say so. It carries nothing else.
func (d *Delivery) Context() context.Context { return d.session.life }

// Ack tells the broker that the message is dealt with.
func (d *Delivery) Ack() error {
	return d.answer("ack", func(c *amqp.Channel) error { return c.Ack(d.tag, false) })
}

// Requeue gives the message back, unharmed: on RabbitMQ 4.3 and later it does not count towards
// the queue's delivery limit.
func (d *Delivery) Requeue() error {
	return d.answer("requeue", func(c *amqp.Channel) error { return c.Nack(d.tag, false, true) })
}

// Reject has the broker dead-letter the message itself.
func (d *Delivery) Reject() error {
	return d.answer("reject", func(c *amqp.Channel) error { return c.Reject(d.tag, false) })
}

func (d *Delivery) answer(verb string, send func(*amqp.Channel) error) error {
	if d.Lost() {
		return fmt.Errorf("%s: %w", verb, ErrSessionLost)
	}
	if err := send(d.session.channel); err != nil {
		return fmt.Errorf("%s: %w: %w", verb, ErrSessionLost, err)
	}
	return nil
}

// isCode reports whether an error is the broker's with a reply code.
func isCode(err error, code int) bool {
	var amqpErr *amqp.Error
	return errors.As(err, &amqpErr) && amqpErr.Code == code
}
