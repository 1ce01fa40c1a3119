package broker

import (
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// publishSession is a channel in confirm mode on one connection. Its publisher's goroutine writes,
// or a caller while that has nothing to do; one more takes in what the broker says of the channel, and
// confirms what it says of each message.
//
// RabbitMQ sends a message's return before its confirm, and the library hands them over in that
// order. Returns are taken from their channel under the lock only, so that whoever handles a
// confirm has seen the return that came before it.
type publishSession struct {
	publisher *publisher
	conn      *connection
	channel   *amqp.Channel

	returns  chan amqp.Return
	blocking chan amqp.Blocking
	closed   chan *amqp.Error

	since    time.Time
	stopping chan struct{} // closed: write no more
	retired  chan struct{} // closed: another channel is to take the place of this one
	retire   sync.Once
	over     chan struct{} // closed: the broker will say no more
	cause    error         // why it is over; read it after over
	room     chan struct{} // holds a token for each message that is sent and not confirmed
	confirms *confirms
	rest     chan struct{} // holds a token when a caller has left something to the writer to write

	// writing is held by whoever writes, from the giving of a place until the message is written or
	// collected. It is taken before mu.
	writing     sync.Mutex
	directEnded bool  // no caller writes any more
	failure     error // why something was not written

	mu      sync.Mutex
	pending map[uint64]*publication // sent and not confirmed, by their place in the order of publishing
	last    uint64                  // the last place that was given
	ended   bool                    // pending has been answered and takes no more
	moved   time.Time               // when pending was last seen to move, or had no reason to
	gate    chan struct{}           // closed while the broker does not block us

	corked bool // the writer has corked the socket and holds writing; the writer's own
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
		pending:  map[uint64]*publication{},
		returns:  channel.NotifyReturn(make(chan amqp.Return, p.cfg.Window)),
		closed:   channel.NotifyClose(make(chan *amqp.Error, 1)),
		blocking: blocking,
		since:    time.Now(),
		stopping: make(chan struct{}),
		retired:  make(chan struct{}),
		over:     make(chan struct{}),
		room:     make(chan struct{}, p.cfg.Window),
		rest:     make(chan struct{}, 1),
		gate:     make(chan struct{}),
	}
	s.confirms = newConfirms(p.cfg.Window, s.settle)
	if !c.blocked.Load() {
		close(s.gate)
	}
	return s, nil
}

// await returns when the session is over and its goroutines are gone. It follows write.
func (s *publishSession) await() {
	<-s.over
	s.confirms.wait()
}

// confirmLooks is how often in a ConfirmTimeout the watch looks: two looks is the longest that it takes
// beyond it, one to see the last confirm and one to see that none came since.
const confirmLooks = 20

// watch takes in the blocking of the connection and looks for confirms that do not come, until the
// channel is closed; then it answers what is left unconfirmed.
func (s *publishSession) watch() {
	defer close(s.over)
	blocking := s.blocking
	ticker := time.NewTicker(s.publisher.cfg.ConfirmTimeout / confirmLooks)
	defer ticker.Stop()
	for {
		select {
		case err := <-s.closed: // nil where we have closed the channel ourselves
			s.end(err)
			return
		case b, ok := <-blocking:
			if !ok {
				blocking = nil
				continue
			}
			s.setBlocked(b)
		case now := <-ticker.C:
			if s.isStuck(now) {
				s.publisher.supervisor.log.Warn("RabbitMQ confirms nothing, the connection is replaced",
					"after", s.publisher.cfg.ConfirmTimeout)
				_ = s.conn.raw.Close() // ends the session, which answers what is pending
			}
		}
	}
}

// takeReturns marks the messages that were returned so far: of those that a return can be for the
// oldest, since returns come in the order of publishing. The caller holds the lock.
func (s *publishSession) takeReturns() {
	for {
		select {
		case r, ok := <-s.returns:
			if !ok {
				return
			}
			var oldest *publication
			for _, pub := range s.pending {
				if !pub.returned && pub.exchange == r.Exchange && pub.key == r.RoutingKey &&
					pub.message.MessageId == r.MessageId && (oldest == nil || pub.place < oldest.place) {
					oldest = pub
				}
			}
			if oldest != nil {
				oldest.returned = true
			}
		default:
			return
		}
	}
}

// settle answers a message that the broker has confirmed or refused. What the channel's end has
// left without either is end's.
func (s *publishSession) settle(place uint64, acked bool) {
	s.mu.Lock()
	pub := s.pending[place]
	if pub == nil || !acked && s.channel.IsClosed() {
		s.mu.Unlock()
		return
	}
	s.takeReturns()
	delete(s.pending, place)
	s.moved = time.Time{} // the watch sees it
	s.mu.Unlock()
	<-s.room
	if !acked {
		s.refused()
	}
	pub.finish(verdictOf(pub, acked))
}

// nackPatience is how old a channel must be for a refusal to have another take its place: where a queue
// refuses all, as a full one does, there is another so often and no oftener.
const nackPatience = 3 * time.Second

// refused has another channel take the place of this one. A channel of RabbitMQ 3.10 whose first message to
// a queue met a leader that was gone refuses everything for that queue until the node is back, though the
// queue has another leader long since; a new one asks anew.
func (s *publishSession) refused() {
	if time.Since(s.since) >= nackPatience {
		s.retire.Do(func() { close(s.retired) })
	}
}

// isRetired reports whether another channel is to take the place of this one.
func (s *publishSession) isRetired() bool {
	select {
	case <-s.retired:
		return true
	default:
		return false
	}
}

// shut closes the channel, or its connection where the broker does not answer, and returns when the session
// is over. It follows write.
func (s *publishSession) shut() {
	timer := time.AfterFunc(closeTimeout, func() { _ = s.conn.raw.Close() })
	defer timer.Stop()
	_ = s.channel.Close() // over either way
	s.await()
}

// finish hands a publication back with its result. It is not the session's any longer.
func (pub *publication) finish(result error) {
	pub.result = result
	pub.done <- pub
}

func verdictOf(pub *publication, acked bool) error {
	switch {
	case !acked:
		return ErrNacked
	case pub.returned:
		return ErrUnroutable
	default:
		return nil
	}
}

// isStuck reports whether messages that were written have awaited their confirms for ConfirmTimeout
// in which nothing was confirmed, though the broker does not block us.
func (s *publishSession) isStuck(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := 0
	for _, pub := range s.pending {
		if pub.confirmation != nil {
			written++
		}
	}
	if written == 0 || s.conn.blocked.Load() || s.moved.IsZero() {
		s.moved = now
		return false
	}
	return now.Sub(s.moved) >= s.publisher.cfg.ConfirmTimeout
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
func (s *publishSession) end(amqpErr *amqp.Error) {
	s.cause = amqp.ErrClosed
	if amqpErr != nil {
		s.cause = amqpErr
	}
	s.learnLimit(amqpErr)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takeReturns()
	suspects := 0
	for _, pub := range s.pending {
		if s.suspect(pub, amqpErr) != nil {
			suspects++
		}
	}
	for _, pub := range s.pending {
		if pub.confirmation != nil && pub.confirmation.Acked() {
			pub.finish(verdictOf(pub, true))
		} else {
			pub.finish(s.fate(pub, amqpErr, suspects))
		}
	}
	s.pending, s.ended = nil, true
}
