package lease

import (
	"context"
	"sync"
)

// Term is one time of leading, from when a claim was read back until it is lost; it never comes back.
type Term struct {
	lease    *Lease
	number   uint64
	ctx      context.Context
	end      context.CancelCauseFunc
	release  sync.Once
	released chan struct{}
	taken    bool // somebody may act by it; under lease.mu
}

// Number is the term's, 1 and up. Each is led by one process, at most once.
func (t *Term) Number() uint64 { return t.number }

// Context is done when the term has ended: the lease is over, another has claimed the next term, or Run is
// to stop. Its cause is an error that is [ErrLost] and says which.
func (t *Term) Context() context.Context { return t.ctx }

// Check returns nil while this process leads the term, by both clocks as they are now, else the cause of
// the context's end. It is to be asked right before each thing that only the leader may do: a process
// that was stopped, or slept, may be sooner to do the next thing than its timers are to end the context.
// It does not block.
func (t *Term) Check() error {
	l := t.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look()
	if l.term == t {
		return nil
	}
	return context.Cause(t.ctx)
}

// StepDown gives up the term before it is over, as one does who leads and cannot do what a leader is for:
// the context ends, the lease is resigned, and for two leases this process leaves the next term to
// others. Nothing may be done by the term any more. After a term that is lost it makes no difference. It
// does not block.
func (t *Term) StepDown() {
	l := t.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term != t {
		return
	}
	now, at := l.clock.read()
	r, ok := l.election.stepDown(now)
	l.settle()
	if ok {
		l.send(r, at)
	}
}

// Release says that nothing will be done any more by this term. On a stop Run resigns once the term is
// released, so that another takes over at once and still never acts beside this process. It may be called
// several times, and after a term that is lost makes no difference. It does not block.
func (t *Term) Release() { t.release.Do(func() { close(t.released) }) }
