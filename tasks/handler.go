package tasks

import "context"

// Handler runs a task. What it returns is the outcome:
//
//   - nil: done;
//   - an error: tried again later by the retry policy, a dead letter when attempts are exhausted;
//   - [Permanent], a [*MalformedError]: a dead letter at once;
//   - [RetryAfter]: tried again after that time, which counts as an attempt;
//   - [Snooze]: again after that time, which does not count.
//
// A panic counts as an error. The context is cancelled when the task's time is over, and when the
// worker stops and its grace period is over; a handler that goes on regardless keeps its slot. The
// task must not be kept or changed after HandleTask has returned.
type Handler interface {
	HandleTask(ctx context.Context, t *Task) error
}

// HandlerFunc is a function as a [Handler].
type HandlerFunc func(ctx context.Context, t *Task) error

// HandleTask calls the function.
func (f HandlerFunc) HandleTask(ctx context.Context, t *Task) error { return f(ctx, t) }

// Middleware wraps a handler.
type Middleware func(Handler) Handler

// Chain wraps a handler in middleware; the first given is the outermost.
func Chain(h Handler, chain ...Middleware) Handler {
	for i := len(chain) - 1; i >= 0; i-- {
		h = chain[i](h)
	}
	return h
}
