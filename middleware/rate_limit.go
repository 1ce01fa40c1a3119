package middleware

import (
	"context"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/time/rate"

	"github.com/warrenmq/warren/tasks"
)

// maxSnooze bounds how long a task is put off for want of a token: the limiter may be changed
// meanwhile.
const maxSnooze = 5 * time.Minute

// RateLimit has each task take a token from the limiter before its handler runs. Handlers may share
// a limiter; a nil one limits nothing.
//
// It blocks until there is a token, in the task's slot and on the task's time, but for half of what
// is left of that at most: the other half is the handler's. Where the token comes later, or the
// context ends first, the task is snoozed until about then, 5 minutes at most, so that waiting never
// costs an attempt. A limiter that gives no tokens at all (a limit or a burst of 0) pauses its tasks
// in the same way.
//
// Since waiting tasks take slots, this is for some of a queue's patterns, or for what several queues
// share. A whole queue is limited without that by its worker.
func RateLimit(limiter *rate.Limiter, opts ...Option) tasks.Middleware {
	clock := newOptions(opts).clock
	return func(next tasks.Handler) tasks.Handler {
		if limiter == nil {
			return next
		}
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
			if after, ok := takeToken(ctx, clock, limiter); !ok {
				return tasks.NotBegun(after)
			}
			return next.HandleTask(ctx, t)
		})
	}
}

// takeToken waits for a token. Where it does not get one, it returns after how long to try again.
func takeToken(ctx context.Context, clock clockwork.Clock, limiter *rate.Limiter) (after time.Duration, ok bool) {
	now := clock.Now()
	token := limiter.ReserveN(now, 1)
	wait := token.DelayFrom(now)
	if wait == 0 {
		return 0, true
	}
	deadline, hasDeadline := ctx.Deadline()
	if wait == rate.InfDuration || hasDeadline && wait > deadline.Sub(now)/2 {
		token.CancelAt(now)
		return min(wait, maxSnooze), false
	}
	timer := clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return 0, true
	case <-ctx.Done():
		now = clock.Now()
		token.CancelAt(now)
		return min(token.DelayFrom(now), maxSnooze), false
	}
}
