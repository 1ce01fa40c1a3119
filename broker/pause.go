package broker

import (
	"context"
	"fmt"
	"sync"
)

// pause is whether a consumer is to take deliveries, and whether it does.
type pause struct {
	asked chan struct{} // holds a token once wanted has changed

	mu      sync.Mutex
	wanted  bool
	inForce bool          // there is a session, without a consumer
	changed chan struct{} // closed and replaced when inForce changes
}

func newPause(wanted bool) *pause {
	return &pause{asked: make(chan struct{}, 1), wanted: wanted, changed: make(chan struct{})}
}

// want asks for a change.
func (p *pause) want(paused bool) {
	p.mu.Lock()
	p.wanted = paused
	p.mu.Unlock()
	select {
	case p.asked <- struct{}{}:
	default:
	}
}

func (p *pause) isWanted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wanted
}

// state returns what is wanted, and whether the session has no consumer.
func (p *pause) state() (wanted, inForce bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wanted, p.inForce, p.changed
}

func (p *pause) set(inForce bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inForce != inForce {
		p.inForce = inForce
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

// Pause stops the deliveries until Resume: the broker's consumer is cancelled, and none begins in later
// sessions. The session stays, so that deliveries which were given can be answered. It blocks until the
// broker has answered, there is no session, Resume was called, or ctx is done, whose error it returns;
// the pause comes all the same. What was under way is given to Deliver before it returns, and nothing
// after.
func (k *Consumer) Pause(ctx context.Context) error {
	k.pause.want(true)
	for {
		c, lost, _ := k.supervisor.state()
		wanted, inForce, changed := k.pause.state()
		if c == nil || inForce || !wanted {
			return nil
		}
		select {
		case <-changed:
		case <-lost:
		case <-k.stopped:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("pause the consumer of %s: %w", k.cfg.Queue, ctx.Err())
		}
	}
}

// Resume has the broker deliver again after Pause. It does not block.
func (k *Consumer) Resume() { k.pause.want(false) }

// switchPause takes the consumer away, or puts one there where there is none.
func (k *Consumer) switchPause(s *session) error {
	if s.deliveries == nil {
		if err := k.begin(s, int(k.wanted.Load())); err != nil {
			return err
		}
		k.consuming.Store(true)
		k.pause.set(false)
		return nil
	}
	if err := k.withdraw(s); err != nil {
		return err
	}
	s.deliveries = nil
	s.answers.setWindow(s.prefetch) // acks may be held back
	k.consuming.Store(false)
	k.pause.set(true)
	return s.answers.flush()
}
