package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warrenmq/warren/streams"
)

var (
	errNotFollowed = errors.New("it is not followed yet")
	errBehind      = errors.New("it has not been read up to now yet")
	errUnknown     = errors.New("its beginning is gone, and nothing in it proves who holds the lease")
	errStopping    = fmt.Errorf("%w: the process stops", ErrLost)
	errSteppedDown = fmt.Errorf("%w: the process has given it up", ErrLost)
)

// Run follows the stream, claims and renews, and blocks until ctx is done. Then the term's context ends, and
// it resigns as soon as the term is released, or leaves it at that where the lease is over first. It
// returns nil when all its goroutines have ended, which is at the latest a lease and what Stream.Follow takes
// later. It may be called once: again it returns [ErrStopped].
func (l *Lease) Run(ctx context.Context) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	if !l.start(life) {
		return ErrStopped
	}
	l.work.Go(func() { _ = l.cfg.Stream.Follow(life, l.cfg.Name, follower{l}) }) // it ends with life
	l.keep(ctx)
	l.leave()
	end()
	l.work.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	l.tell()
	return nil
}

func (l *Lease) start(life context.Context) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started {
		return false
	}
	l.started, l.appending = true, life
	l.clock.read()
	return true
}

// keep looks at the clocks until ctx is done: when the lease is over, and in any case often enough to
// notice early that the machine has slept.
func (l *Lease) keep(ctx context.Context) {
	for {
		timer := l.cfg.Clock.NewTimer(l.pause())
		select {
		case <-timer.Chan():
		case <-l.wake:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
		l.mu.Lock()
		l.look()
		l.mu.Unlock()
	}
}

// pause is how long there is nothing to be seen at the clocks.
func (l *Lease) pause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	pause := l.cfg.Lease / 40
	if mine := l.election.mine; mine != nil {
		now, _ := l.clock.read()
		pause = max(0, min(pause, mine.until-now.fast))
	}
	return pause
}

// leave ends the term, waits until it is released or the lease is over, and resigns.
func (l *Lease) leave() {
	l.mu.Lock()
	l.election.closing = true
	term := l.term
	if term != nil {
		l.over(errStopping)
	}
	l.mu.Unlock()
	if term == nil {
		return
	}
	if !term.taken {
		term.Release()
	}
	released := term.released
	for {
		timer := l.cfg.Clock.NewTimer(max(time.Millisecond, l.pause()))
		select {
		case <-released:
			released = nil // and no append may be under way
			if l.resign() {
				timer.Stop()
				return
			}
		case <-timer.Chan():
			if l.left(released == nil) {
				return
			}
		}
		timer.Stop()
	}
}

// left reports whether there is nothing to wait for any more: the lease is over, or it has been resigned.
func (l *Lease) left(released bool) bool {
	if released && l.resign() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, _ := l.clock.read()
	l.election.expire(now)
	return l.election.mine == nil
}

// resign appends the resignation and waits for it, a lease at most. It is false while another append is
// under way.
func (l *Lease) resign() bool {
	l.mu.Lock()
	now, at := l.clock.read()
	r, ok := l.election.resign(now)
	l.mu.Unlock()
	if !ok {
		return false
	}
	r.At = at
	if l.append(r) == nil {
		l.cfg.Log.Info("the lease is resigned", "term", r.Term)
	}
	return true
}

// look brings everything up to the time: what has ended ends, and what is due is appended. l.mu is held.
func (l *Lease) look() instant {
	now, at := l.clock.read()
	if l.election.closing || !l.started {
		return now
	}
	if r, ok := l.election.append(now); ok {
		l.send(r, at)
	}
	l.settle()
	return now
}

// send appends a record beside. l.mu is held.
func (l *Lease) send(r record, at time.Time) {
	r.At = at
	l.work.Go(func() {
		_ = l.append(r) // it has logged why; look decides what is next
		l.mu.Lock()
		defer l.mu.Unlock()
		l.look()
	})
}

// append appends a record. A broker that does not answer is not waited for longer than a lease: what is
// appended later than that lets nobody lead.
func (l *Lease) append(r record) error {
	ctx, cancel := context.WithTimeout(l.appending, l.cfg.Lease)
	defer cancel()
	body, err := r.encode()
	if err == nil {
		err = l.cfg.Stream.Append(ctx, l.cfg.Name, body)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.election.appended()
	switch {
	case err == nil && l.failing:
		l.failing = false
		l.cfg.Log.Info("the lease can be written again")
	case err != nil && !l.failing && l.appending.Err() == nil:
		l.failing = true
		l.cfg.Log.Warn("the lease cannot be written, it is tried again", "record", r.Kind, "term", r.Term, "error", err)
	}
	return err
}

// settle has the term be what the election says. l.mu is held.
func (l *Lease) settle() {
	mine := l.election.mine
	if l.term != nil && (mine == nil || mine.term != l.term.number) {
		l.over(l.election.ended)
	}
	if l.term == nil && mine != nil {
		l.term = &Term{lease: l, number: mine.term, released: make(chan struct{})}
		l.term.ctx, l.term.end = context.WithCancelCause(context.Background())
		l.cfg.Log.Info("leading", "term", mine.term, "holder", l.holder)
		l.tell()
	}
}

// over ends the term. l.mu is held.
func (l *Lease) over(reason error) {
	l.term.end(reason)
	l.cfg.Log.Info("not leading any more", "term", l.term.number, "reason", reason)
	l.term = nil
	l.tell()
}

// tell wakes whoever waits for a change. l.mu is held.
func (l *Lease) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// follower is the lease as the stream's follower.
type follower struct{ *Lease }

func (l follower) Begin(offset uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, _ := l.clock.read()
	l.election.begin(offset, now)
	l.unready = errBehind
	l.look()
}

func (l follower) Deliver(entry streams.Record) {
	r, err := decode(entry)
	if err != nil {
		l.cfg.Log.Debug("a record of the lease is passed over", "offset", entry.Offset, "error", err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, _ := l.clock.read()
	l.election.read(r, now)
	l.look()
}

func (l follower) CaughtUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.election.caughtUp, l.unready = true, nil
	if !l.election.state.known && !l.warned {
		l.warned = true
		l.cfg.Log.Warn("who holds the lease cannot be known, so it is not claimed: unless another scheduler leads and renews "+
			"soon, stop all schedulers, delete the stream, and start them", "stream", l.cfg.Name, "error", errUnknown)
	}
	l.look()
}

func (l follower) Lost(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.election.lost()
	l.unready = fmt.Errorf("it is not followed: %w", reason)
	l.look()
}
