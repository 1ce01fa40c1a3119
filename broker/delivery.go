package broker

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

// Delivery is a message as a consumer was given it, to be answered exactly once, by Ack, Requeue or
// Reject, on the session that it came from. These do not wait for the broker. Their errors are
// [ErrSessionLost] when the session has ended, and the broker gives the message out again, and
// [ErrAnswered]. They are safe for use by any number of goroutines.
type Delivery struct {
	// Message is what was delivered.
	Message tasks.Message
	// Redelivered says that the broker has given the message out before.
	Redelivered bool
	// Unreadable is nil, or an [ErrUnreadable] that says why the client library cannot read the
	// message's headers. Message then has none, and everything else. What is published in its place
	// would lack them too, so it is to be rejected: the broker dead-letters it as it is.
	Unreadable error

	session *session
	tag     uint64
}

// Lost reports whether the delivery's session has ended, so that the message is or will be
// somebody else's.
func (d *Delivery) Lost() bool { return d.session.life.Err() != nil || d.session.channel.IsClosed() }

// Context returns a context that is done when the delivery's session has ended, soon after Lost
// has begun to say so, and before the consumer's next session gives its first delivery. It carries
// nothing else.
func (d *Delivery) Context() context.Context { return d.session.life }

// Ack notes that the message is dealt with. The broker is told within 5 ms, together with others: a
// session that is lost meanwhile loses the note too, without an error, and the broker gives the
// message out again, redelivered.
func (d *Delivery) Ack() error { return d.answer("ack", d.session.answers.ack) }

// Requeue gives the message back, unharmed: on RabbitMQ 4.3 and later it does not count towards
// the queue's delivery limit.
func (d *Delivery) Requeue() error { return d.answer("requeue", d.session.answers.requeue) }

// Reject has the broker dead-letter the message itself.
func (d *Delivery) Reject() error { return d.answer("reject", d.session.answers.reject) }

func (d *Delivery) answer(verb string, send func(tag uint64) error) error {
	if d.Lost() {
		return fmt.Errorf("%s: %w", verb, ErrSessionLost)
	}
	if err := send(d.tag); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}

// isCode reports whether an error is the broker's with a reply code.
func isCode(err error, code int) bool {
	var amqpErr *amqp.Error
	return errors.As(err, &amqpErr) && amqpErr.Code == code
}
