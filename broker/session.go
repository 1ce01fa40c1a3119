package broker

import (
	"context"
	"errors"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// session is one channel on one connection: the life of delivery tags. It is never reopened.
type session struct {
	channel *amqp.Channel
	version routing.Version // the broker's
	answers *answers
	closed  chan *amqp.Error
	cancels chan string     // consumers that the broker has cancelled
	life    context.Context // done when the session has ended
	lose    context.CancelFunc
	flusher sync.WaitGroup

	// The consumer in force. Each prefetch needs another consumer.
	consumer   string
	consumers  int // how many there have been
	prefetch   int
	deliveries <-chan amqp.Delivery
}

// newSession opens a channel. The session is to be ended.
func newSession(c *connection) (*session, error) {
	channel, err := c.Channel()
	if err != nil {
		return nil, err
	}
	s := &session{
		channel: channel, version: c.version, answers: newAnswers(channel, c.raw),
		closed: channel.NotifyClose(make(chan *amqp.Error, 1)),
		// Room for the consumer before and the one in force: the library's reader waits otherwise.
		cancels: channel.NotifyCancel(make(chan string, 2)),
	}
	s.life, s.lose = context.WithCancel(context.Background())
	s.flusher.Go(func() { s.answers.flushInTime(s.life.Done()) })
	return s, nil
}

// end ends the session: its deliveries are lost, and answers are not taken any more. Those that were
// taken may still be flushed once the flusher is gone.
func (s *session) end() {
	s.lose()
	s.answers.end()
}

// errConsumerCancelled: the queue was deleted, or a delivery's acknowledgement took too long. The
// broker keeps such a consumer until it is told of the end by its client, so the session ends with
// it.
var errConsumerCancelled = errors.New("the broker cancelled the consumer")

// cause tells why deliveries ended without our doing. The library tells of the cause before it ends
// them.
func (s *session) cause() error {
	select {
	case err := <-s.closed:
		return closeCause(err)
	case _, open := <-s.cancels:
		return s.cancelled(open)
	}
}

// cancelled tells what a receive from cancels means: the library closes it with the channel.
func (s *session) cancelled(open bool) error {
	if open {
		return errConsumerCancelled
	}
	return closeCause(<-s.closed)
}

func closeCause(err *amqp.Error) error {
	if err == nil {
		return amqp.ErrClosed
	}
	return err
}
