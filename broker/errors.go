package broker

import (
	"errors"
	"fmt"

	"github.com/warrenmq/warren/tasks"
)

// The outcomes of a publish other than success, for errors.Is. Of each it is said whether the
// message may be in the broker nevertheless: only ErrUnconfirmed leaves that open.
var (
	// ErrUnroutable: no queue wants the routing key, or the exchange does not exist. Not published.
	ErrUnroutable = errors.New("unroutable")
	// ErrNacked: the broker refused the message, as a full queue does. Not published to the queue
	// that refused it; another queue that wanted it too may have it.
	ErrNacked = errors.New("refused by the broker")
	// ErrBlocked: the broker blocks publishers (a memory or disk alarm), and the context ended
	// before it stopped doing so. Not published, unless the error is also ErrUnconfirmed.
	ErrBlocked = errors.New("blocked by the broker")
	// ErrUnconfirmed: the message was sent, and the connection or the context ended before its
	// confirm. It may or may not have arrived: publish it again under the same ID.
	ErrUnconfirmed = errors.New("sent but not confirmed")
	// ErrTooLarge: the payload is larger than the broker takes, or the headers do not fit one frame.
	// Not published. It is a tasks.ErrInvalidTask: no retry can mend it.
	ErrTooLarge = fmt.Errorf("%w: too large", tasks.ErrInvalidTask)
	// ErrNotConnected: the context ended before there was a connection. Not published.
	ErrNotConnected = errors.New("not connected")
	// ErrRefused: the broker refused the operation for good, as for missing permissions.
	ErrRefused = errors.New("refused for good")
)

// Other errors of this package, for errors.Is.
var (
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("client closed")
	// ErrSessionLost: the delivery's session has ended; the broker gives the delivery out again.
	ErrSessionLost = errors.New("consumer session lost")
	// ErrAnswered: the delivery was acked, requeued or rejected before. Nothing was sent.
	ErrAnswered = errors.New("delivery answered already")
	// ErrUnreadable: the client library cannot read the message's headers.
	ErrUnreadable = errors.New("unreadable headers")
	// ErrInvalidConfig: a field of a configuration is out of its bounds.
	ErrInvalidConfig = errors.New("invalid broker configuration")
	// ErrDrift: an exchange or queue exists with other properties than the topology's. The error is a
	// [*DriftError].
	ErrDrift = errors.New("topology drift")
	// ErrNoManagement: the management API is not configured, or refuses or fails to answer.
	ErrNoManagement = errors.New("management API not available")
	// ErrEndUnknown: a stream was read, and whether to its end cannot be told.
	ErrEndUnknown = errors.New("the end of the stream is not known")
	// ErrHeldTooLong: the broker took back what was looked at, since some of it was held for longer than
	// its acknowledgement timeout.
	ErrHeldTooLong = errors.New("held for longer than the broker's acknowledgement timeout, and taken back")
	// ErrNoQueue: the queue does not exist.
	ErrNoQueue = errors.New("no such queue")
)

// PublishError is a publish that did not succeed; it unwraps to one or two of the errors above and
// to the cause.
type PublishError struct {
	// ID, Exchange and Key are the message's.
	ID       string
	Exchange string
	Key      string
	// Err tells what became of it.
	Err error
}

// Error names the message and what became of it.
func (e *PublishError) Error() string {
	exchange := e.Exchange
	if exchange == "" {
		exchange = "the default exchange"
	}
	if e.ID == "" {
		return fmt.Sprintf("publish to %s with key %q: %v", exchange, e.Key, e.Err)
	}
	return fmt.Sprintf("publish %s to %s with key %q: %v", e.ID, exchange, e.Key, e.Err)
}

// Unwrap returns what became of the message.
func (e *PublishError) Unwrap() error { return e.Err }

// Unconfirmed reports whether the message may have been published nevertheless.
func (e *PublishError) Unconfirmed() bool { return errors.Is(e.Err, ErrUnconfirmed) }

// OfMessage reports whether the message, or where it was to go, is at fault, so that another message
// may well be published.
func (e *PublishError) OfMessage() bool {
	return errors.Is(e.Err, ErrUnroutable) || errors.Is(e.Err, ErrNacked) || errors.Is(e.Err, tasks.ErrInvalidTask)
}
