package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/ledger"
	"github.com/warrenmq/warren/tasks"
)

// publishTimeout is how long one try to publish a tick may take before it is made again, under the
// same ID: an enqueuer that waits for its broker would otherwise wait without a word.
const publishTimeout = 30 * time.Second

// publishBackoff says how long to wait between tries, of which there is no last.
var publishBackoff = tasks.RetryPolicy{Initial: 500 * time.Millisecond, Max: 30 * time.Second, Factor: 2, Jitter: 0.2}

// maxAhead is how far the ledger may be ahead of the clock. Ticks further ahead were emitted by a
// clock that was wrong.
const maxAhead = time.Hour

// emitter publishes the ticks of one entry for as long as the scheduler leads, one after the other.
// Each entry has its own goroutine, so that one whose publishing hangs delays no other.
type emitter struct {
	scheduled
	term     term
	book     *ledger.Writer
	enqueuer tasks.Enqueuer
	clock    clockwork.Clock
	spread   func() float64
	log      *slog.Logger

	before   <-chan struct{} // closed when who had the entry before has ended; nil: nobody
	done     chan struct{}   // closed when it has ended
	wake     chan struct{}
	replaced chan struct{} // closed when another is to have the entry, or nobody
	ail      func()        // tells that the ledger cannot be written
	ticks    TickObserver

	// The emitter's goroutine alone uses what follows.
	position   time.Time    // the last tick that is settled, or from when on ticks count
	unrecorded *ledger.Tick // was published, and is not in the ledger yet
	spacedTo   time.Time    // when the next missed tick may start
}

// poke has the emitter look whether something is due. It does not block.
func (e *emitter) poke() {
	select {
	case e.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// run settles what is due whenever it is woken, until ctx is done or it is replaced. What it is about
// when ctx is done is still settled, each tick in one try, until publishing is done.
func (e *emitter) run(ctx, publishing context.Context) {
	defer close(e.done)
	if e.before != nil {
		<-e.before
	}
	position, known := e.book.Position(e.Identity())
	if !known { // the ledger was told of it before
		position = e.clock.Now().Round(0)
	}
	e.position = position
	for failures := 0; ctx.Err() == nil && !e.isReplaced(); {
		err := e.settleDue(publishing)
		switch {
		case err == nil:
			failures = 0
			e.wait(ctx)
		case ctx.Err() != nil:
			e.log.Warn("stopping: ticks not emitted", "after", e.position, "error", err)
		default:
			failures++
			delay := publishBackoff.Delay(failures, e.spread())
			e.log.Warn("ticks not emitted yet", "after", e.position, "attempt", failures, "again_in", delay, "error", err)
			e.rest(ctx, delay, nil)
		}
	}
}

// isReplaced reports whether another is to have the entry, or nobody.
func (e *emitter) isReplaced() bool {
	select {
	case <-e.replaced:
		return true
	default:
		return false
	}
}

// lookEvery is how often an entry is looked at at least. A timer runs by the monotonic clock, which stands
// still while the machine sleeps and does not know of a wall clock that was set, and gocron's go by when
// they were set: without this a tick could come hours late after either.
const lookEvery = time.Minute

// wait returns when the emitter is woken, when a tick is due, and after lookEvery.
func (e *emitter) wait(ctx context.Context) {
	left := lookEvery
	if next := e.timetable.Next(e.position); !next.IsZero() {
		left = min(left, next.Sub(e.clock.Now().Round(0)))
	}
	e.rest(ctx, left, e.wake)
}

// rest returns after a time, when it is woken by a channel that may be nil, or when it is no use to wait.
func (e *emitter) rest(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := e.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-e.replaced:
	case <-wake:
	case <-timer.Chan():
	}
}

// pause returns after a time, or when ctx is done.
func pause(ctx context.Context, clock clockwork.Clock, d time.Duration) {
	timer := clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.Chan():
	}
}

// settleDue emits or skips the ticks that are due, the oldest first, as far as the emitter is not
// replaced. After an error it is to be called again, and decides anew: what was on time may have been
// missed meanwhile.
func (e *emitter) settleDue(ctx context.Context) error {
	if err := e.record(ctx); err != nil {
		return err
	}
	now := e.clock.Now().Round(0)
	if e.position.Sub(now) > maxAhead {
		e.log.Error("ticks are settled far ahead of the clock, as one that was wrong leaves behind: they are emitted again at their time",
			"until", e.position)
		if err := e.book.Restart(ctx, e.Identity()); err != nil {
			e.ail()
			return err
		}
		e.position = now
	}
	due := e.CatchUp.settle(e.timetable, e.position, now)
	if due.skipped.Ticks > 0 {
		if err := e.skip(ctx, due.skipped); err != nil {
			return err
		}
	}
	for i, tick := range due.emitted {
		if e.isReplaced() {
			return nil
		}
		missed := i < due.missed
		var notBefore time.Time
		if missed {
			notBefore = e.spaced(now)
		}
		if err := e.emit(ctx, tick, notBefore, missed); err != nil {
			return err
		}
		if missed {
			e.spacedTo = later(notBefore, now).Add(e.CatchUp.Delay(1))
		}
	}
	return nil
}

// spaced returns when the next missed tick may start, zero where it may at once.
func (e *emitter) spaced(now time.Time) time.Time {
	if e.spacedTo.After(now) {
		return e.spacedTo
	}
	return time.Time{}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// skip settles ticks that are not emitted.
func (e *emitter) skip(ctx context.Context, s ledger.Skip) error {
	s.Entry, s.Name = e.Identity(), e.Name
	if err := e.book.Skip(ctx, s); err != nil {
		e.ail()
		return err
	}
	e.ticks.Skipped(e.Name, s.Ticks)
	e.log.Warn("ticks skipped", "from", s.From, "to", s.To, "ticks", s.Ticks, "more", s.AtLeast, "reason", s.Reason)
	e.position = s.To
	return nil
}

// emit publishes one tick and records it, in one try.
func (e *emitter) emit(ctx context.Context, tick, notBefore time.Time, missed bool) error {
	log := e.log.With("scheduled_for", tick, "id", TaskID(e.Identity(), tick), "term", e.term.Number())
	task, never := e.task(e.timetable, tick)
	if never == nil {
		if notBefore.After(task.NotBefore) {
			task.NotBefore = notBefore
		}
		err := e.publish(ctx, task)
		switch {
		case errors.Is(err, tasks.ErrInvalidTask), errors.Is(err, routing.ErrInvalidKey):
			never = err
		case err != nil:
			return err
		}
	}
	if never != nil {
		log.Error("tick dropped: it can never be published", "error", never)
		return e.skip(ctx, ledger.Skip{From: tick, To: tick, Ticks: 1, Reason: ledger.ReasonInvalid})
	}
	late := e.clock.Now().Round(0).Sub(tick)
	outcome := "emitted"
	if missed {
		outcome = "caught_up"
	}
	log.Info("tick emitted", "key", task.Key, "outcome", outcome, "lateness", late)
	e.ticks.Emitted(e.Name, late, missed)
	e.unrecorded = &ledger.Tick{
		Entry: e.Identity(), Name: e.Name, ScheduledFor: tick, ID: task.ID, Key: task.Key, Late: late, CaughtUp: missed,
	}
	return e.record(ctx)
}

// record puts the tick into the ledger that is not in it yet.
func (e *emitter) record(ctx context.Context) error {
	if e.unrecorded == nil {
		return nil
	}
	if err := e.book.Tick(ctx, *e.unrecorded); err != nil {
		e.ail()
		return err
	}
	e.position, e.unrecorded = e.unrecorded.ScheduledFor, nil
	return nil
}

// publish publishes a task while the scheduler leads.
func (e *emitter) publish(ctx context.Context, task tasks.Task) error {
	if err := e.term.Check(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	ctx, cancel := clockwork.WithTimeout(ctx, e.clock, publishTimeout)
	defer cancel()
	_, err := e.enqueuer.Enqueue(ctx, task)
	return err
}
