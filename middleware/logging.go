package middleware

import (
	"context"
	"errors"
	"log/slog"

	"github.com/warrenmq/warren/tasks"
)

// Logging writes a line when the handler starts, at level debug, and one when it has ended, with the
// task's id, key, queue and attempt, and at the end took, the outcome, and the error. A nil log is
// slog.Default(). The payload and the headers are never logged; an error's text is.
//
// The outcome is what the handler answered, not what becomes of the task: done, snoozed, failed,
// timed-out, panicked, permanent, malformed or no-handler. The first two are logged at level info,
// the others at warn. A panic is logged and goes on.
func Logging(log *slog.Logger, opts ...Option) tasks.Middleware {
	if log == nil {
		log = slog.Default()
	}
	clock := newOptions(opts).clock
	return func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) (err error) {
			log := log.With("id", t.ID, "key", t.Key, "queue", t.Queue, "attempt", t.Attempt)
			log.DebugContext(ctx, "handler started")
			started := clock.Now()
			outcome := panicked // until it has returned; runtime.Goexit counts as one
			defer func() {
				level, attrs := slog.LevelWarn, []any{"outcome", outcome, "took", clock.Since(started)}
				if outcome == done || outcome == snoozed {
					level = slog.LevelInfo
				}
				if err != nil && outcome != snoozed {
					attrs = append(attrs, "error", err)
				}
				log.Log(ctx, level, "handler ended", attrs...)
			}()
			err = next.HandleTask(ctx, t)
			outcome = outcomeOf(ctx, err)
			return err
		})
	}
}

// The outcomes that are logged.
const (
	done      = "done"
	snoozed   = "snoozed"
	failed    = "failed"
	timedOut  = "timed-out"
	panicked  = "panicked"
	permanent = string(tasks.ReasonPermanent)
	malformed = string(tasks.ReasonMalformed)
	noHandler = string(tasks.ReasonNoHandler)
)

// outcomeOf names what a handler answered. What decides about the task goes before what happened, as
// it does in the executor.
func outcomeOf(ctx context.Context, err error) string {
	var (
		snooze       *tasks.SnoozeError
		permanence   *tasks.PermanentError
		malformation *tasks.MalformedError
	)
	switch {
	case err == nil:
		return done
	case errors.As(err, &snooze):
		return snoozed
	case errors.Is(err, tasks.ErrNoHandler):
		return noHandler
	case errors.As(err, &malformation):
		return malformed
	case errors.As(err, &permanence):
		return permanent
	case errors.Is(err, tasks.ErrPanic):
		return panicked
	case errors.Is(err, tasks.ErrTimeout), errors.Is(context.Cause(ctx), tasks.ErrTimeout):
		return timedOut
	default:
		return failed
	}
}
