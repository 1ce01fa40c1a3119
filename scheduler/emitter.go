package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// publishTimeout is how long one try to publish a tick may take before it is made again, under the
// same ID: an enqueuer that waits for its broker would otherwise wait without a word.
const publishTimeout = 30 * time.Second

// publishBackoff says how long to wait between tries, of which there is no last.
var publishBackoff = tasks.RetryPolicy{Initial: 500 * time.Millisecond, Max: 30 * time.Second, Factor: 2, Jitter: 0.2}

// emitter publishes the ticks of one entry, one after the other. Each entry has its own goroutine,
// so that one whose publishing hangs delays no other.
type emitter struct {
	entry     Entry
	timetable Timetable
	enqueuer  tasks.Enqueuer
	clock     clockwork.Clock
	spread    func() float64
	log       *slog.Logger

	wake chan struct{}
	last time.Time // the last tick that is settled, before the first when the emitter was made
}

func newEmitter(e Entry, t Timetable, config Config, spread func() float64) *emitter {
	return &emitter{
		entry: e, timetable: t, enqueuer: config.Enqueuer, clock: config.Clock, spread: spread,
		log:  config.Log.With("entry", e.Name),
		wake: make(chan struct{}, 1),
		last: config.Clock.Now().Round(0),
	}
}

// poke has the emitter look whether something is due. It does not block.
func (e *emitter) poke() {
	select {
	case e.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// run emits what is due whenever it is woken, until ctx is done. What is due then is still
// published, each tick in one try, until publishing is done.
func (e *emitter) run(ctx, publishing context.Context) {
	for ctx.Err() == nil {
		e.emitDue(ctx, publishing)
		e.wait(ctx)
	}
}

// wait returns when the emitter is woken, and when a tick is due that is less than one look away:
// gocron may wake it early, where the wall clock was put back meanwhile.
func (e *emitter) wait(ctx context.Context) {
	var due <-chan time.Time
	next := e.timetable.Next(e.last)
	if left := next.Sub(e.clock.Now().Round(0)); !next.IsZero() && left < lookEvery {
		timer := e.clock.NewTimer(left)
		defer timer.Stop()
		due = timer.Chan()
	}
	select {
	case <-ctx.Done():
	case <-e.wake:
	case <-due:
	}
}

// emitDue publishes the ticks that are due, the oldest first.
func (e *emitter) emitDue(ctx, publishing context.Context) {
	ticks, dropped := e.timetable.Due(e.last, e.clock.Now().Round(0), MaxBacklog)
	if !dropped.IsZero() {
		e.log.Warn("too far behind: old ticks dropped", "from", dropped, "until", ticks[0], "kept", len(ticks))
	}
	for i, tick := range ticks {
		if !e.emit(ctx, publishing, tick) {
			e.log.Warn("stopping: ticks not emitted", "from", tick, "ticks", len(ticks)-i)
			return
		}
		e.last = tick
	}
}

// emit publishes one tick, in as many tries as it takes. It returns false where a try failed and
// ctx is done.
func (e *emitter) emit(ctx, publishing context.Context, tick time.Time) bool {
	task, err := e.entry.task(tick)
	log := e.log.With("scheduled_for", tick, "id", TaskID(e.entry.Identity(), tick))
	if err != nil {
		log.Error("tick dropped: it can never be published", "error", err)
		return true
	}
	for attempt := 1; ; attempt++ {
		err := e.publish(publishing, task)
		switch {
		case err == nil:
			log.Info("tick emitted", "lateness", e.clock.Now().Round(0).Sub(tick))
			return true
		case errors.Is(err, tasks.ErrInvalidTask), errors.Is(err, routing.ErrInvalidKey):
			log.Error("tick dropped: it can never be published", "error", err)
			return true
		}
		delay := publishBackoff.Delay(attempt, e.spread())
		log.Warn("tick not emitted yet", "attempt", attempt, "again_in", delay, "error", err)
		if !e.pause(ctx, delay) {
			return false
		}
	}
}

// pause waits, and reports whether it did so to the end: ctx may be done before.
func (e *emitter) pause(ctx context.Context, d time.Duration) bool {
	timer := e.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.Chan():
		return true
	}
}

func (e *emitter) publish(ctx context.Context, task tasks.Task) error {
	ctx, cancel := clockwork.WithTimeout(ctx, e.clock, publishTimeout)
	defer cancel()
	_, err := e.enqueuer.Enqueue(ctx, task)
	return err
}
