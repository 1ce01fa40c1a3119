package broker

import (
	"context"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// publishSession is a channel in confirm mode on one connection. Its publisher's goroutine writes;
// another takes in what the broker says.
//
// The library hands confirms over in the order of publishing, and a return before the confirm of
// the message that it is for, as RabbitMQ sends them. One goroutine takes both, from buffered
// channels, and empties the returns before it handles a confirm.
type publishSession struct {
	publisher *publisher
	conn      *connection
	channel   *amqp.Channel

	confirms chan amqp.Confirmation
	returns  chan amqp.Return
	blocking chan amqp.Blocking
	closed   chan *amqp.Error

	stopping chan struct{} // closed: write no more
	over     chan struct{} // closed: the broker will say no more
	cause    error         // why it is over; read it after over
	room     chan struct{} // holds a token for each message that is sent and not confirmed

	mu      sync.Mutex
	pending fifo          // sent and not confirmed, in the order of publishing
	ended   bool          // pending has been answered and takes no more
	moved   time.Time     // when pending was last seen to move, or had no reason to
	gate    chan struct{} // closed while the broker does not block us
}

// newPublishSession opens a channel. blocking tells of the connection's being blocked; it is the
// connection's, and passes from one session to the next.
func newPublishSession(p *publisher, c *connection, blocking chan amqp.Blocking) (*publishSession, error) {
	channel, err := c.Channel()
	if err != nil {
		return nil, err
	}
	if err := channel.Confirm(false); err != nil {
		return nil, err
	}
	s := &publishSession{
		publisher: p, conn: c, channel: channel,
		confirms: channel.NotifyPublish(make(chan amqp.Confirmation, p.cfg.Window)),
		returns:  channel.NotifyReturn(make(chan amqp.Return, p.cfg.Window)),
		closed:   channel.NotifyClose(make(chan *amqp.Error, 1)),
		blocking: blocking,
		stopping: make(chan struct{}),
		over:     make(chan struct{}),
		room:     make(chan struct{}, p.cfg.Window),
		gate:     make(chan struct{}),
	}
	if !c.blocked.Load() {
		close(s.gate)
	}
	return s, nil
}

// write sends what is queued until the session is over, or ctx is done and what was sent is
// confirmed.
func (s *publishSession) write(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { close(s.stopping) })
	defer stop()
	for {
		pub := s.next()
		if pub == nil {
			break
		}
		if !s.admit() || !s.enter(pub) {
			s.publisher.held = pub // for the next session; its caller may give it up meanwhile
			break
		}
		if pub.state.Load() == stateAbandoned {
			<-s.room
			continue
		}
		if err := s.send(pub); err != nil {
			return err
		}
	}
	s.flush()
	return nil
}

// next returns the next publication, nil when there is to be none.
func (s *publishSession) next() *publication {
	if pub := s.publisher.held; pub != nil {
		s.publisher.held = nil
		return pub
	}
	select {
	case pub := <-s.publisher.queue:
		return pub
	case <-s.stopping:
	case <-s.over:
	}
	return nil
}

// admit waits until the broker takes messages and there is room in the window, and takes a place
// in it. It returns false when nothing more is to be sent.
func (s *publishSession) admit() bool {
	for {
		s.mu.Lock()
		gate := s.gate
		s.mu.Unlock()
		select {
		case <-gate:
		case <-s.stopping:
			return false
		case <-s.over:
			return false
		}
		select {
		case s.room <- struct{}{}:
			if !s.conn.blocked.Load() {
				return true
			}
			<-s.room // blocked while it waited for room
		case <-s.stopping:
			return false
		case <-s.over:
			return false
		}
	}
}

// enter makes a message that is still wanted one that awaits its confirm. It returns false where
// the session is over, so that nobody would answer it.
func (s *publishSession) enter(pub *publication) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	if pub.state.CompareAndSwap(stateQueued, stateSent) {
		s.pending.push(pub)
	}
	return true
}

// send writes one message. It blocks while the socket does not take it.
func (s *publishSession) send(pub *publication) error {
	_, err := s.channel.PublishWithDeferredConfirm(pub.exchange, pub.key, pub.mandatory, false, pub.message)
	if err != nil {
		return fmt.Errorf("write to %s: %w", s.conn.url, err)
	}
	pub.written.Store(true)
	return nil
}

// flushTimeout bounds the wait for outstanding confirms at a clean end.
const flushTimeout = 5 * time.Second

// flush waits until everything that was sent is confirmed, within its bound.
func (s *publishSession) flush() {
	timer := time.NewTimer(flushTimeout)
	defer timer.Stop()
	for range cap(s.room) {
		select {
		case s.room <- struct{}{}:
		case <-s.over:
			return
		case <-timer.C:
			return
		}
	}
}

// confirm takes in confirms, returns and the blocking of the connection until the channel is
// closed, then answers what is left unconfirmed.
func (s *publishSession) confirm() {
	defer close(s.over)
	returns, blocking := s.returns, s.blocking
	interval := s.publisher.cfg.ConfirmTimeout / 4
	watch := time.NewTicker(interval)
	defer watch.Stop()
	for {
		select {
		case now := <-watch.C:
			if s.isStuck(now) {
				s.publisher.supervisor.log.Warn("RabbitMQ confirms nothing, the connection is replaced",
					"after", s.publisher.cfg.ConfirmTimeout)
				_ = s.conn.raw.Close() // ends the session, which answers what is pending
			}
		case confirmation, ok := <-s.confirms:
			if !ok {
				s.end()
				return
			}
			s.takeReturns()
			s.settle(confirmation)
		case r, ok := <-returns:
			if !ok {
				returns = nil
				continue
			}
			s.markReturned(&r)
		case b, ok := <-blocking:
			if !ok {
				blocking = nil
				continue
			}
			s.setBlocked(b)
		}
	}
}

// takeReturns marks what was returned before the confirm that is about to be handled.
func (s *publishSession) takeReturns() {
	for {
		select {
		case r, ok := <-s.returns:
			if !ok {
				return
			}
			s.markReturned(&r)
		default:
			return
		}
	}
}

// markReturned marks the oldest pending message that a return can be for. Messages alike in
// exchange, key and ID are routed alike, so it does not matter which of them it is.
func (s *publishSession) markReturned(r *amqp.Return) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pub := range s.pending.items() {
		if !pub.returned && pub.exchange == r.Exchange && pub.key == r.RoutingKey && pub.message.MessageId == r.MessageId {
			pub.returned = true
			return
		}
	}
}

// settle answers the oldest pending message.
func (s *publishSession) settle(c amqp.Confirmation) {
	s.mu.Lock()
	pub := s.pending.pop()
	s.moved = time.Time{} // the watch sees it
	s.mu.Unlock()
	if pub == nil {
		return
	}
	<-s.room
	switch {
	case !c.Ack:
		pub.done <- ErrNacked
	case pub.returned:
		pub.done <- ErrUnroutable
	default:
		pub.done <- nil
	}
}

// isStuck reports whether something that was written has awaited its confirm for ConfirmTimeout in
// which nothing was confirmed, though the broker does not block us. The library hands confirms over
// in order, so one that never comes keeps back all that follow.
func (s *publishSession) isStuck(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := s.pending.peek()
	if oldest == nil || !oldest.written.Load() || s.conn.blocked.Load() || s.moved.IsZero() {
		s.moved = now
		return false
	}
	return now.Sub(s.moved) > s.publisher.cfg.ConfirmTimeout
}

func (s *publishSession) setBlocked(b amqp.Blocking) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.blocked.Swap(b.Active) == b.Active {
		return
	}
	if b.Active {
		s.publisher.supervisor.log.Warn("RabbitMQ blocks publishers", "reason", b.Reason)
		s.gate = make(chan struct{})
		return
	}
	s.publisher.supervisor.log.Info("RabbitMQ takes messages again")
	close(s.gate)
}

// end answers everything that was sent and will not be confirmed.
func (s *publishSession) end() {
	amqpErr := <-s.closed // the library closes it; nil where we closed the channel ourselves
	if amqpErr != nil {
		s.cause = amqpErr
	} else {
		s.cause = amqp.ErrClosed
	}
	s.takeReturns()
	s.learnLimit(amqpErr)
	s.mu.Lock()
	left := s.pending
	s.pending, s.ended = fifo{}, true
	s.mu.Unlock()
	suspects := 0
	for _, pub := range left.items() {
		if s.suspect(pub, amqpErr) != nil {
			suspects++
		}
	}
	for pub := left.pop(); pub != nil; pub = left.pop() {
		pub.done <- s.fate(pub, amqpErr, suspects)
	}
}
