package idempotency

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/warrenmq/warren/tasks"
)

const (
	// maxSnooze bounds how long a task is put off at a time: the other may be done much sooner.
	maxSnooze = 5 * time.Minute
	// finishWithin is how long the store may take to note what came of a run. A worker that stops
	// gives its handlers no more either.
	finishWithin = 5 * time.Second
	// finishPause is the first pause between two tries of that.
	finishPause = 50 * time.Millisecond
)

// Middleware claims a work in the store before its handler runs, so that a task that is delivered
// twice is done once:
//
//   - Done already: the handler is not run, and the task counts as done. What its result was is not
//     kept: who still waits for it is answered without one.
//   - Being run by another: the task is snoozed until about the end of the other's lease, which
//     costs no attempt.
//   - Otherwise the claim is this run's, and extended while the handler runs. A handler that returns
//     nil has completed the work; one that returns anything else, or panics, gives the claim back, so
//     that its retry can run at once.
//
// Where the claim is lost while the handler runs (the store was away for a whole lease, or another
// took the claim over), the handler's context is cancelled with a cause that is [ErrClaimLost]. The
// work is not completed then, whatever the handler returns, and the task is snoozed: by then it is
// done, or can be claimed anew.
//
// Where the store cannot be asked ([ErrUnavailable]) the task is not run, since it might be done. It
// is snoozed, for a third of the lease up to the whole, as often as it takes: that is no failure of
// the task, and an outage of the store must not turn a queue into dead letters. Each is logged as
// an error. Tasks that must not wait for so long expire ([tasks.ExpiresIn]).
//
// Where the handler has returned nil and the store cannot be told so for 5 s, the task counts as
// done, with a line in the log: the effect is there, and only a message that is delivered once more
// would be run again. For effects in the store's own database [Postgres.InTx] leaves no such gap.
//
// It belongs inside of middleware that may refuse or put off a task, such as RateLimit, and outside
// of what belongs to a run, such as Timeout. Inside of another of the same store and key it does
// nothing. Around a handler that is itself not to be run twice it is of use only as far as the
// handler heeds its context.
func Middleware(store Store, opts ...Option) tasks.Middleware {
	g := &gate{store: store, lease: DefaultLease, key: Key, log: slog.Default()}
	for _, opt := range opts {
		opt(g)
	}
	return func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error { return g.pass(ctx, t, next) })
	}
}

// gate is what lets tasks through to their handler.
type gate struct {
	store Store
	lease time.Duration
	key   func(*tasks.Task) string
	log   *slog.Logger
}

// putOff is an outcome with its reason: a snooze for the executor, and the reason for whoever looks.
type putOff struct {
	snooze error
	reason error
}

func (e *putOff) Error() string   { return e.reason.Error() }
func (e *putOff) Unwrap() []error { return []error{e.snooze, e.reason} }

// pass claims the work and runs the handler, or does not.
func (g *gate) pass(ctx context.Context, t *tasks.Task, next tasks.Handler) error {
	key := g.key(t)
	if err := checkKey(key); err != nil {
		return tasks.Permanent(err)
	}
	if outer, ok := ctx.Value(holdKey{}).(*hold); ok && outer.key == key && same(outer.store, g.store) {
		return next.HandleTask(ctx, t)
	}
	h := &hold{store: g.store, key: key, owner: tasks.NewID(), lease: g.lease}
	log := g.log.With("id", t.ID, "key", t.Key, "queue", t.Queue, "work", key)
	claim, err := h.claim(ctx)
	switch {
	case err != nil:
		if ctx.Err() == nil { // else the worker stops, and gives the task back
			log.ErrorContext(ctx, "the idempotency store cannot be asked, the task is put off", "error", err)
		}
		return g.putOff(tasks.NotBegun, fmt.Errorf("%w: %w", ErrUnavailable, err))
	case claim.State == Done:
		log.DebugContext(ctx, "the work is done already")
		return nil
	case claim.State == Busy:
		log.DebugContext(ctx, "the work is being run by another, the task is put off", "lease", claim.Remaining)
		return tasks.NotBegun(spread(claim.Remaining, claim.Remaining+g.lease/3))
	case claim.State != Claimed: // nothing is known of a claim
		return g.putOff(tasks.NotBegun, fmt.Errorf("%w: it answered %s", ErrUnavailable, claim.State))
	}
	return g.run(ctx, t, next, h, log)
}

// same reports whether two stores are one. Those of other packages need not be comparable.
func same(a, b Store) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// putOff has a task come back after about a lease: snooze is tasks.Snooze, or tasks.NotBegun.
func (g *gate) putOff(snooze func(time.Duration) error, reason error) error {
	return &putOff{snooze: snooze(spread(g.lease/3, g.lease)), reason: reason}
}

// spread is a length between two, both brought below maxSnooze with room to differ: those that wait
// for the same thing should not come back all at once.
func spread(from, to time.Duration) time.Duration {
	from = min(from, maxSnooze/2)
	to = min(to, maxSnooze)
	return from + rand.N(max(to-from, 1))
}

// run runs the handler under a claim, which is extended until it has returned.
func (g *gate) run(ctx context.Context, t *tasks.Task, next tasks.Handler, h *hold, log *slog.Logger) (err error) {
	held, lose := context.WithCancelCause(context.WithValue(ctx, holdKey{}, h))
	defer lose(nil)
	// A handler that goes on after its time is over still holds the claim.
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		h.keep(keeping, lose, log)
	}()
	returned := false // not after a panic, nor after runtime.Goexit
	defer func() {
		stop()
		<-kept
		err = g.settle(context.WithoutCancel(ctx), h, returned, err, log)
	}()
	err = next.HandleTask(held, t)
	returned = true
	return err
}

// settle notes what came of a run. The claim is not extended any more; what it is not extended for
// is not decided by time, but by whose it is.
func (g *gate) settle(ctx context.Context, h *hold, returned bool, err error, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, finishWithin)
	defer cancel()
	switch {
	case h.completed.Load():
		return err
	case h.lost != nil || errors.Is(err, ErrClaimLost):
		return g.lost(h, err, log)
	case !returned || err != nil:
		if failed := h.store.Release(ctx, h.key, h.owner); failed != nil {
			log.WarnContext(ctx, "the claim could not be given back, the retry waits for its end", "lease", h.lease, "error", failed)
		}
		return err
	}
	switch err := h.finish(ctx); {
	case errors.Is(err, ErrClaimLost):
		return g.lost(h, err, log)
	case err != nil:
		log.ErrorContext(ctx, "the task is done and the idempotency store could not be told", "error", err)
	}
	return nil
}

// lost is the outcome of a run whose claim is another's, or may be.
func (g *gate) lost(h *hold, err error, log *slog.Logger) error {
	reason := err
	if h.lost != nil && !errors.Is(err, ErrClaimLost) {
		reason = h.lost
		if err != nil {
			reason = fmt.Errorf("%w: %w", h.lost, err)
		}
	}
	log.Warn("the claim was lost while the handler ran, the task is put off", "error", reason)
	return g.putOff(tasks.Snooze, reason)
}
