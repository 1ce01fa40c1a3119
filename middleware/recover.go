package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/warrenmq/warren/tasks"
)

// Recover turns a panic of the handler into an error that is [tasks.ErrPanic], and logs it with its
// stack. A nil log is slog.Default().
//
// The executor does the same for every task. This one is for the inside of a chain: what stands
// outside of it sees an error instead of being unwound. The value of the panic is told in the
// error's text alone, so that a panic with, say, [tasks.Permanent] is a failure like any other.
// runtime.Goexit is none, and passes.
func Recover(log *slog.Logger) tasks.Middleware {
	if log == nil {
		log = slog.Default()
	}
	return func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) (err error) {
			defer func() {
				if r := recover(); r != nil {
					log.ErrorContext(ctx, "handler panicked", "id", t.ID, "key", t.Key, "queue", t.Queue, "attempt", t.Attempt,
						"panic", fmt.Sprint(r), "stack", string(debug.Stack()))
					err = fmt.Errorf("%w: %v", tasks.ErrPanic, r)
				}
			}()
			return next.HandleTask(ctx, t)
		})
	}
}
