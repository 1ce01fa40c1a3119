package broker

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// write sends what is queued until the session is over, or ctx is done or the session retired, and what was
// sent is confirmed. While there is more to send the socket is corked, so that a burst is one write. Until it
// returns, callers may write for themselves while it has nothing to do (sendDirect).
func (s *publishSession) write(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { close(s.stopping) })
	defer stop()
	defer s.confirms.close()
	s.publisher.direct.Store(s)
	defer s.endDirect()
	var m outgoing
	for {
		pub := s.next()
		if pub == nil {
			break
		}
		if !s.admit() || !s.enter(pub, &m) {
			s.publisher.held = pub // for the next session; its caller may give it up meanwhile
			break
		}
		if m.place == 0 {
			<-s.room
			continue
		}
		confirmation, err := s.send(&m)
		if err != nil {
			s.uncork()
			return err
		}
		s.confirms.await(m.place, confirmation, len(s.room))
	}
	s.uncork()
	s.endDirect()
	s.flush()
	return s.failure
}

// next returns the next publication, nil when there is to be none.
func (s *publishSession) next() *publication {
	if pub := s.publisher.held; pub != nil {
		s.publisher.held = pub.next
		return pub
	}
	select {
	case pub := <-s.publisher.queue:
		s.publisher.held = pub.next
		return pub
	case <-s.stopping:
		return nil
	case <-s.retired:
		return nil
	case <-s.over:
		return nil
	default:
		s.uncork()
	}
	for {
		select {
		case pub := <-s.publisher.queue:
			s.publisher.held = pub.next
			return pub
		case <-s.rest:
			s.cork()
			s.uncork()
		case <-s.stopping:
			return nil
		case <-s.retired:
			return nil
		case <-s.over:
			return nil
		}
	}
}

// cork makes the writer the one who writes.
func (s *publishSession) cork() {
	if !s.corked {
		s.writing.Lock()
		s.conn.raw.cork()
		s.corked = true
	}
}

// uncork writes what was sent, and lets others write. Where the write fails the socket is closed,
// which ends the session.
func (s *publishSession) uncork() {
	if !s.corked {
		return
	}
	s.corked = false
	s.failed(s.conn.raw.uncork())
	s.writing.Unlock()
}

// failed notes why what was corked could not be written. The caller holds writing.
func (s *publishSession) failed(err error) {
	if err != nil && s.failure == nil {
		s.failure = fmt.Errorf("write to %s: %w", s.conn.url, err)
	}
}

// admit waits until the broker takes messages and there is room in the window, takes a place in it
// and corks the socket. It returns false when nothing more is to be sent.
func (s *publishSession) admit() bool {
	if s.hasRoom() || s.awaitRoom() {
		s.cork()
		return true
	}
	return false
}

// hasRoom takes a place in the window, where there is one and the broker takes messages.
func (s *publishSession) hasRoom() bool {
	if s.conn.blocked.Load() {
		return false
	}
	select {
	case s.room <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *publishSession) awaitRoom() bool {
	s.uncork() // what is to be waited for may be the confirms of what is corked
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

// outgoing is a message that is to be written, a copy of its publication's: that is answered as soon
// as the session ends, and then its caller's again.
type outgoing struct {
	place         uint64 // in the order of publishing; 0 where nobody wants it any longer
	exchange, key string
	message       amqp.Publishing
}

// enter makes a message that is still wanted one that awaits its confirm. It returns false where
// the session is over, so that nobody would answer it. The caller holds writing, since places are given
// in the order of publishing.
func (s *publishSession) enter(pub *publication, m *outgoing) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	m.place = 0
	if pub.state.CompareAndSwap(stateQueued, stateSent) {
		s.last++
		pub.place = s.last
		s.pending[pub.place] = pub
		m.place, m.exchange, m.key, m.message = pub.place, pub.exchange, pub.key, pub.message
	}
	return true
}

// send writes one message. It blocks while the socket does not take it. The library ends the confirm
// that it gives with the channel, if nothing else does. The caller holds writing.
func (s *publishSession) send(m *outgoing) (confirm, error) {
	const mandatory, immediate = true, false // everything is to be told where nobody wants it
	confirmation, err := s.channel.PublishWithDeferredConfirm(m.exchange, m.key, mandatory, immediate, m.message)
	if err != nil {
		return nil, fmt.Errorf("write to %s: %w", s.conn.url, err)
	}
	s.mu.Lock()
	if pub := s.pending[m.place]; pub != nil {
		pub.confirmation = confirmation
	}
	s.mu.Unlock()
	m.message = amqp.Publishing{} // it may be large, and the next long in coming
	return confirmation, nil
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
