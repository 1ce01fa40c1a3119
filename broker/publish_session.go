package broker

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
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
	gate    chan struct{} // closed while the broker does not block us
}

func newPublishSession(p *publisher, c *connection) (*publishSession, error) {
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
		blocking: c.NotifyBlocked(make(chan amqp.Blocking, 8)),
		stopping: make(chan struct{}),
		over:     make(chan struct{}),
		room:     make(chan struct{}, p.cfg.Window),
		gate:     make(chan struct{}),
	}
	close(s.gate)
	return s, nil
}

// write sends what is queued until the session is over, or it is told to stop and what was sent is
// confirmed.
func (s *publishSession) write() error {
	for {
		pub := s.next()
		if pub == nil {
			break
		}
		if !s.admit() {
			s.publisher.held = pub // for the next session; its caller may give it up meanwhile
			break
		}
		if !pub.state.CompareAndSwap(stateQueued, stateSent) {
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
			return true
		case <-s.stopping:
			return false
		case <-s.over:
			return false
		}
	}
}

// send writes one message. It blocks while the socket does not take it.
func (s *publishSession) send(pub *publication) error {
	s.mu.Lock()
	s.pending.push(pub)
	s.mu.Unlock()
	_, err := s.channel.PublishWithDeferredConfirm(pub.exchange, pub.key, pub.mandatory, false, pub.message)
	if err != nil {
		return fmt.Errorf("write to %s: %w", s.conn.url, err)
	}
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

func (s *publishSession) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// confirm takes in confirms, returns and the blocking of the connection until the channel is
// closed, then answers what is left unconfirmed.
func (s *publishSession) confirm() {
	defer close(s.over)
	returns, blocking := s.returns, s.blocking
	for {
		select {
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
	s.pending = fifo{}
	s.mu.Unlock()
	for pub := left.pop(); pub != nil; pub = left.pop() {
		pub.done <- s.fate(pub, amqpErr)
	}
}

// messageSize is what RabbitMQ says of a message beyond its max_message_size: "message size 20
// is larger than configured max size 10", "message size 20 larger than max size 10" before 3.13.
var messageSize = regexp.MustCompile(`message size \d+ .*max size (\d+)`)

func (s *publishSession) learnLimit(err *amqp.Error) {
	if err == nil || err.Code != amqp.PreconditionFailed {
		return
	}
	if found := messageSize.FindStringSubmatch(err.Reason); found != nil {
		if body, convErr := strconv.Atoi(found[1]); convErr == nil {
			s.publisher.limits.Store(&limits{body: body, frame: s.conn.Config.FrameSize})
		}
	}
}

// fate tells what became of a message whose channel was closed before its confirm. RabbitMQ closes
// a channel over one message and forgets the others; that one can be told by what it says.
func (s *publishSession) fate(pub *publication, err *amqp.Error) error {
	if pub.returned {
		return ErrUnroutable
	}
	if err == nil {
		return ErrUnconfirmed
	}
	names := pub.exchange != "" && strings.Contains(err.Reason, "exchange '"+pub.exchange+"'")
	switch {
	case err.Code == amqp.NotFound && names:
		return fmt.Errorf("%w: %w", ErrUnroutable, err)
	case err.Code == amqp.AccessRefused && (names || strings.Contains(err.Reason, "amq.default")):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case err.Code == amqp.PreconditionFailed && messageSize.MatchString(err.Reason) &&
		len(pub.message.Body) > s.publisher.limits.Load().body:
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
}
