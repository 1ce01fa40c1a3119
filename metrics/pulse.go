package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrStuck is a process that cannot tell whether it is ready, for errors.Is.
var ErrStuck = errors.New("stuck")

// PulseTimeout is how long a process may take to tell whether it is ready. It takes microseconds where
// nothing is wrong; what is longer is a deadlock, or a machine that has no time for the process.
const PulseTimeout = 5 * time.Second

// Pulse asks a process whether it is ready, and finds out whether it can tell at all: telling takes the locks
// of its connections and consumers, so one that is deadlocked there does not answer. It is safe for use by
// any number of goroutines, and asks once at a time.
type Pulse struct {
	ready func() error

	mu   sync.Mutex
	next *beat // that is under way; nil while nobody asks
}

// beat is one question.
type beat struct {
	done  chan struct{}
	ready error // set before done is closed
}

// NewPulse returns the pulse of a process that answers by ready, which may be called at any time.
func NewPulse(ready func() error) *Pulse { return &Pulse{ready: ready} }

// Ready returns what the process answers: nil, or why it is not ready. It blocks until then, at most for
// [PulseTimeout], which is an error that is [ErrStuck], or until ctx is done.
func (p *Pulse) Ready(ctx context.Context) error {
	p.mu.Lock()
	if p.next == nil {
		p.next = &beat{done: make(chan struct{})}
		go p.ask(p.next) // it ends when the process answers
	}
	b := p.next
	p.mu.Unlock()
	timer := time.NewTimer(PulseTimeout)
	defer timer.Stop()
	select {
	case <-b.done:
		return b.ready
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return fmt.Errorf("%w: whether it is ready is not known after %s", ErrStuck, PulseTimeout)
	}
}

func (p *Pulse) ask(b *beat) {
	b.ready = p.ready()
	p.mu.Lock()
	p.next = nil
	p.mu.Unlock()
	close(b.done)
}
