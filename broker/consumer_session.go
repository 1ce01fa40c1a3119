package broker

import (
	"context"
	"fmt"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// serve uses one connection. Where the library gave it up over a message that it cannot read, the
// next ones are filtered.
func (k *Consumer) serve(ctx context.Context, c *connection) error {
	closed := c.NotifyClose(make(chan *amqp.Error, 1))
	err := k.serveSession(ctx, c)
	if err != nil && !k.supervisor.filtered && c.unreadable(closed) {
		k.supervisor.filtered = true
		k.supervisor.log.Warn("a message has headers that the client library cannot read; from now on such are given without their headers", "error", err)
	}
	return err
}

// serveSession is one session.
func (k *Consumer) serveSession(ctx context.Context, c *connection) error {
	defer c.closeAfter(ctx, closeTimeout)()
	select {
	case <-k.cancelled: // nothing may be taken any more
		c.shut()
		k.stopOnce.Do(func() { close(k.stopped) })
		<-ctx.Done()
		return nil
	default:
	}
	if k.missing && k.cfg.Prepare != nil {
		if err := k.cfg.Prepare(ctx); err != nil {
			c.shut()
			return err
		}
		k.missing = false
	}
	s, err := k.open(c)
	if err != nil {
		c.shut()
		return fmt.Errorf("consume %s: %w", k.cfg.Queue, err)
	}
	k.consuming.Store(s.deliveries != nil)
	k.pause.set(s.deliveries == nil)
	err = k.consume(ctx, s)
	k.consuming.Store(false)
	k.pause.set(false)
	s.end()
	if err != nil {
		c.abort() // before the flusher, whose write may hang
		s.flusher.Wait()
		return fmt.Errorf("consume %s: %w", k.cfg.Queue, err)
	}
	s.flusher.Wait()
	_ = s.answers.flush() // where it fails the broker gives out again what was finished, as after every loss
	c.shut()
	return nil
}

// open begins a session, without AckTimeout where the queue takes none.
func (k *Consumer) open(c *connection) (*session, error) {
	s, err := k.openOnce(c)
	if !isCode(err, amqp.PreconditionFailed) || !k.sendsAckTimeout(c.version) {
		return s, err
	}
	k.noAckTimeout = true
	s, second := k.openOnce(c)
	k.noAckTimeout = second == nil
	if second == nil {
		k.supervisor.log.Debug("the queue takes no acknowledgement timeout", "error", err)
	}
	return s, second
}

func (k *Consumer) openOnce(c *connection) (*session, error) {
	s, err := newSession(c)
	if err != nil {
		return nil, err
	}
	if k.pause.isWanted() {
		return s, nil
	}
	if err := k.begin(s, int(k.wanted.Load())); err != nil {
		s.end()
		s.flusher.Wait()
		return nil, err
	}
	return s, nil
}

// begin has the broker deliver, with a prefetch.
func (k *Consumer) begin(s *session, prefetch int) error {
	if err := s.channel.Qos(prefetch, 0, false); err != nil {
		return err
	}
	s.consumers++
	s.consumer = "warren." + strconv.Itoa(s.consumers)
	args := amqp.Table{}
	if k.sendsAckTimeout(s.version) {
		args[argAckTimeout] = (k.cfg.AckTimeout + time.Millisecond - 1).Milliseconds()
	}
	deliveries, err := s.channel.Consume(k.cfg.Queue, s.consumer, false, false, false, false, args)
	if err != nil {
		if k.missing = isCode(err, amqp.NotFound); k.missing {
			k.noAckTimeout = false // what comes in its place may be of another type
		}
		return err
	}
	s.prefetch, s.deliveries = prefetch, deliveries
	s.answers.setWindow(prefetch)
	k.inForce.Store(int64(prefetch))
	return s.answers.flush()
}

// argAckTimeout is the consumer's argument for its acknowledgement timeout, in milliseconds.
const argAckTimeout = "x-consumer-timeout"

// sendsAckTimeout reports whether the broker is to be told of AckTimeout. Before 4.3 it would have
// no effect.
func (k *Consumer) sendsAckTimeout(v routing.Version) bool {
	return k.cfg.AckTimeout > 0 && v.AtLeast(4, 3) && !k.noAckTimeout
}

// resizeDelay is how long the deliveries that are under way may take to fill the window before
// another consumer takes the place of the one in force.
const resizeDelay = 20 * time.Millisecond

// consume hands over deliveries until the session is lost (an error) or ctx is done (nil).
//
// A consumer is replaced by another when nothing is on its way to it: what a quorum queue has sent
// by then it takes back and gives out again, as redelivered, and before 4.3 in another order. So
// acks are held back at first, until the window is full or the queue has been given time to fill it.
func (k *Consumer) consume(ctx context.Context, s *session) error {
	var settled <-chan time.Time // nil unless the consumer is to be replaced
	for {
		if settled != nil && s.answers.full() {
			settled = nil
			if err := k.resize(s); err != nil {
				return err
			}
		}
		var closed <-chan *amqp.Error // deliveries tell of the end where there are any
		if s.deliveries == nil {
			closed = s.closed
		}
		select {
		case err := <-closed:
			return closeCause(err)
		case <-k.pause.asked:
			if k.pause.isWanted() == (s.deliveries == nil) {
				continue
			}
			settled = nil
			if err := k.switchPause(s); err != nil {
				return err
			}
		case d, ok := <-s.deliveries:
			if !ok {
				return s.cause()
			}
			if err := k.deliver(s, &d); err != nil {
				return err
			}
		case _, open := <-s.cancels:
			return s.cancelled(open)
		case <-k.resized:
			if settled == nil && s.deliveries != nil && int(k.wanted.Load()) != s.prefetch {
				s.answers.hold()
				settled = time.After(resizeDelay)
			}
		case <-settled:
			settled = nil
			if err := k.resize(s); err != nil {
				return err
			}
		case <-k.cancelled:
			if s.deliveries == nil {
				k.pause.set(false) // nor will it ever take deliveries again
				return k.linger(ctx, s)
			}
			if err := s.channel.Cancel(s.consumer, false); err != nil {
				return err
			}
			k.consuming.Store(false)
			return k.linger(ctx, s)
		case <-ctx.Done():
			return nil
		}
	}
}

// deliver hands over one delivery.
func (k *Consumer) deliver(s *session, d *amqp.Delivery) error {
	if err := s.answers.deliver(d.DeliveryTag); err != nil {
		return err
	}
	m, unreadable := received(d)
	k.cfg.Deliver(&Delivery{
		Message: m, Redelivered: d.Redelivered, Unreadable: unreadable,
		session: s, tag: d.DeliveryTag,
	})
	return nil
}

// resize puts a consumer with the prefetch that is wanted in the place of the one in force.
func (k *Consumer) resize(s *session) error {
	if err := k.withdraw(s); err != nil {
		return err
	}
	return k.begin(s, int(k.wanted.Load()))
}

// withdraw takes the consumer in force away. What the broker sent before it did so is handed over.
func (k *Consumer) withdraw(s *session) error {
	if err := s.channel.Cancel(s.consumer, false); err != nil {
		return err
	}
	for d := range s.deliveries { // closed by the library once the consumer is cancelled
		if err := k.deliver(s, &d); err != nil {
			return err
		}
	}
	select {
	case _, open := <-s.cancels: // the broker was faster
		return s.cancelled(open)
	default:
		return nil
	}
}

// linger keeps a cancelled session for the answers that are still to come. What arrived before the
// broker's answer and was not handed over goes back.
func (k *Consumer) linger(ctx context.Context, s *session) error {
	for d := range given(s.deliveries) {
		err := s.answers.deliver(d.DeliveryTag)
		if err == nil {
			err = s.answers.requeue(d.DeliveryTag)
		}
		if err != nil {
			break // the session is lost, and with it everything goes back
		}
	}
	s.answers.setWindow(s.prefetch)
	_ = s.answers.flush() // where it fails the session is lost too
	k.stopOnce.Do(func() { close(k.stopped) })
	select {
	case err := <-s.closed:
		return closeCause(err)
	case _, open := <-s.cancels: // before our own cancel; what timed out is somebody else's
		return s.cancelled(open)
	case <-ctx.Done():
		return nil
	}
}

// given is what a consumer is still given; nothing where there is none.
func given(deliveries <-chan amqp.Delivery) <-chan amqp.Delivery {
	if deliveries != nil {
		return deliveries
	}
	none := make(chan amqp.Delivery)
	close(none)
	return none
}
