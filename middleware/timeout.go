package middleware

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// Timeout cancels the handler's context after d, for handlers that may take less time than their
// queue or their task allows; it cannot allow more. With d of 0 or below it does nothing.
//
// It does not return before the handler has: a handler that pays no heed to its context goes on, and
// keeps its slot. An error that the handler returns after its time is one that is [tasks.ErrTimeout],
// as it is after the queue's; what it was, an outcome such as [tasks.Snooze] too, can still be found
// in it. The cause of the context says the same.
func Timeout(d time.Duration) tasks.Middleware {
	return func(next tasks.Handler) tasks.Handler {
		if d <= 0 {
			return next
		}
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
			ctx, cancel := context.WithTimeoutCause(ctx, d, fmt.Errorf("%w after %s", tasks.ErrTimeout, d))
			defer cancel()
			err := next.HandleTask(ctx, t)
			cause := context.Cause(ctx)
			if err == nil || !errors.Is(cause, tasks.ErrTimeout) || errors.Is(err, tasks.ErrTimeout) {
				return err
			}
			return fmt.Errorf("%w: %w", cause, err)
		})
	}
}
