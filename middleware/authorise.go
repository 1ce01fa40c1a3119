package middleware

import (
	"context"
	"errors"
	"fmt"

	"github.com/warrenmq/warren/tasks"
)

// Authorise asks whether a task may be run for whoever enqueued it, [tasks.Task.By], before its
// handler runs. Where may returns an error the task is a dead letter at once, with
// [tasks.ReasonUnauthorised] and the error's text, whatever error it is, unless that is a
// [tasks.RetryAfterError] or a [tasks.SnoozeError]: who cannot be asked just now is asked again. It is
// asked for each attempt, within the task's time; a panic is a failure like a handler's.
//
// It belongs outside of all other middleware.
func Authorise(may func(ctx context.Context, t *tasks.Task) error) tasks.Middleware {
	return func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
			if err := may(ctx, t); err != nil {
				return refusal(t, err)
			}
			return next.HandleTask(ctx, t)
		})
	}
}

func refusal(t *tasks.Task, err error) error {
	var (
		later  *tasks.RetryAfterError
		snooze *tasks.SnoozeError
	)
	switch {
	case errors.As(err, &snooze):
		return tasks.NotBegun(snooze.After)
	case errors.As(err, &later), errors.Is(err, tasks.ErrUnauthorised):
		return err
	}
	return fmt.Errorf("%w: enqueued by %s: %w", tasks.ErrUnauthorised, t.By, err)
}
