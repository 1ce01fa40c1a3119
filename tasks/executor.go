package tasks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/warrenmq/warren/routing"
)

// DefaultTimeout is how long a task may run where nothing else is said.
const DefaultTimeout = time.Minute

// Executor runs the tasks of one queue: it finds out whether the task is still to be run, runs its
// handler within its time, and turns what came of it into a [Decision]. It is safe for use by any
// number of goroutines.
type Executor struct {
	// Handler runs the tasks; a [Mux], with or without middleware around it.
	Handler Handler
	// Retry is the queue's policy. Defaults as [RetryPolicy.WithDefaults].
	Retry RetryPolicy
	// Timeout is how long a task may run, at most MaxTimeout. Defaults to DefaultTimeout.
	Timeout time.Duration
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// Spread places retry delays within their jitter, in [0, 1). Defaults to a random number.
	Spread func() float64
	// Log takes the stacks of panics. Defaults to slog.Default().
	Log *slog.Logger
	// Progress takes what handlers tell by [Progress], for each task one call at a time, with the task
	// as it was given to Execute, which must not be kept. It must not block: the handler, and in the
	// end Execute, wait for it. Nil: nobody listens, and Progress does nothing.
	Progress func(*Task, ProgressEvent)
	// AfterFunc calls a function, in a goroutine of its own, when a time has passed, unless stop is
	// called before. Defaults to time.AfterFunc.
	AfterFunc func(d time.Duration, f func()) (stop func() bool)
}

// WithDefaults returns the executor with its zero fields filled.
func (e Executor) WithDefaults() Executor {
	e.Retry = e.Retry.WithDefaults()
	if e.Timeout == 0 {
		e.Timeout = DefaultTimeout
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Spread == nil {
		e.Spread = rand.Float64
	}
	if e.Log == nil {
		e.Log = slog.Default()
	}
	if e.AfterFunc == nil {
		e.AfterFunc = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	return e
}

// Execute runs a task and decides about its delivery. It blocks until the handler has returned,
// also beyond the task's timeout, and does not panic. When ctx is cancelled the handler's context
// is; what fails after that is requeued and not counted as a failure, and what has not begun by
// then is requeued without being run; where the cause is [ErrRevoked] both are dead letters instead. A handler that calls runtime.Goexit ends the goroutine that
// called Execute with it; the caller may then ask [Executor.Decide] in a deferred call.
func (e *Executor) Execute(ctx context.Context, t *Task) Decision {
	filled := e.WithDefaults()
	return filled.execute(ctx, t, e)
}

// execute is Execute with defaults filled. A run keeps the caller's executor, so that the filled
// one stays on the stack.
func (e *Executor) execute(ctx context.Context, t *Task, caller *Executor) (d Decision) {
	if ctx.Err() != nil {
		return ended(ctx, context.Cause(ctx))
	}
	if !t.ExpiresAt.IsZero() && !e.Now().Before(t.ExpiresAt) {
		err := fmt.Errorf("%w at %s", ErrExpired, t.ExpiresAt.UTC().Format(time.RFC3339Nano))
		return Decision{Action: DeadLetter, Reason: ReasonExpired, Err: err}
	}
	timeout := e.Timeout
	if t.Timeout > 0 {
		timeout = t.Timeout
	}
	r := &run{Context: ctx, task: t, executor: caller}
	taskCtx, cancel := context.WithTimeoutCause(r, timeout, timeoutError(timeout))
	defer cancel()
	defer r.end() // also where the handler ends its goroutine
	defer func() {
		if cause := recover(); cause != nil {
			d = r.traced(e.judge(taskCtx, r, e.panicked(t, cause)))
		}
	}()
	err := e.Handler.HandleTask(taskCtx, t)
	if err != nil {
		// A nil pointer returned as an error panics when it is asked for its text: better here, as
		// the handler's panic, than wherever the text is needed.
		_ = err.Error()
	}
	return r.traced(e.judge(taskCtx, r, err))
}

// timeoutError is ErrTimeout with the time. Each task is given one and few need it, so its text is
// made when it is asked for.
type timeoutError time.Duration

func (e timeoutError) Error() string { return fmt.Sprintf("%v after %s", ErrTimeout, time.Duration(e)) }
func (e timeoutError) Unwrap() error { return ErrTimeout }

// panicked turns a panic into an error; the stack goes to the log.
func (e *Executor) panicked(t *Task, r any) error {
	e.logPanic("handler panicked", t, r)
	return fmt.Errorf("%w: %v", ErrPanic, r)
}

// logPanic tells of a panic; it is called while that is being recovered from, for the stack's sake.
func (e *Executor) logPanic(what string, t *Task, r any) {
	e.Log.Error(what, "id", t.ID, "key", t.Key, "queue", t.Queue, "attempt", t.Attempt,
		"panic", fmt.Sprint(r), "stack", string(debug.Stack()))
}

// judge turns what came of a run into a decision, given the context that the handler had.
func (e *Executor) judge(taskCtx context.Context, r *run, err error) Decision {
	switch {
	case err == nil:
		return Decision{Action: Ack, Result: r.takeResult()}
	case r.Err() != nil: // the worker's own
		return ended(r, err)
	}
	if cause := context.Cause(taskCtx); errors.Is(cause, ErrTimeout) && !errors.Is(err, ErrTimeout) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return e.Decide(r.task, err)
}

// ended decides about a task that was not done when its worker's context ended.
func ended(ctx context.Context, err error) Decision {
	if cause := context.Cause(ctx); errors.Is(cause, ErrRevoked) {
		return Decision{Action: DeadLetter, Reason: ReasonRevoked, Err: cause}
	}
	return Decision{Action: Requeue, Err: err}
}

// Decide returns the decision about a task whose handler failed with an error, which is not nil.
// The executor's defaults must be filled. A panic of the policy's own functions is caught.
func (e *Executor) Decide(t *Task, err error) Decision {
	var (
		snooze    *SnoozeError
		permanent *PermanentError
		malformed *MalformedError
	)
	switch {
	case errors.As(err, &snooze):
		return Decision{Action: Retry, After: bounded(snooze.After), NotBegun: snooze.NotBegun}
	case errors.Is(err, ErrNoHandler):
		return Decision{Action: DeadLetter, Reason: ReasonNoHandler, Err: err}
	case errors.Is(err, ErrUnauthorised):
		return Decision{Action: DeadLetter, Reason: ReasonUnauthorised, Err: err}
	case errors.Is(err, ErrUndecryptable):
		return Decision{Action: DeadLetter, Reason: ReasonUndecryptable, Err: err}
	case errors.As(err, &malformed):
		return Decision{Action: DeadLetter, Reason: ReasonMalformed, Counts: true, Err: err}
	case errors.As(err, &permanent):
		return Decision{Action: DeadLetter, Reason: ReasonPermanent, Counts: true, Err: err}
	}
	attempts := e.Retry.MaxAttempts
	if t.MaxAttempts > 0 {
		attempts = t.MaxAttempts
	}
	switch e.verdict(t, err) {
	case RetryNo:
		return Decision{Action: DeadLetter, Reason: ReasonPermanent, Counts: true, Err: err}
	case RetryYes:
		attempts = MaxMaxAttempts
	}
	if t.Attempt >= attempts {
		return Decision{Action: DeadLetter, Reason: ReasonAttemptsExhausted, Counts: true, Err: err}
	}
	return Decision{Action: Retry, After: e.delay(t, err), Counts: true, Err: err}
}

// verdict asks the policy whether a task that failed is tried again.
func (e *Executor) verdict(t *Task, err error) (v Verdict) {
	if e.Retry.ShouldRetry == nil {
		return RetryDefault
	}
	defer func() {
		if r := recover(); r != nil {
			e.logPanic("ShouldRetry panicked, the number of attempts decides", t, r)
			v = RetryDefault
		}
	}()
	return e.Retry.ShouldRetry(err, max(t.Attempt, 1))
}

// delay returns how long the retry of a task that failed waits: what the handler asked for, else
// what the policy says.
func (e *Executor) delay(t *Task, err error) (d time.Duration) {
	var after *RetryAfterError
	switch {
	case errors.As(err, &after):
		return bounded(after.After)
	case e.Retry.Custom == nil:
		return e.Retry.Delay(t.Attempt, e.Spread())
	}
	defer func() {
		if r := recover(); r != nil {
			e.logPanic("Custom delay panicked, the policy's own is taken", t, r)
			d = e.Retry.Delay(t.Attempt, e.Spread())
		}
	}()
	return bounded(e.Retry.Custom(err, max(t.Attempt, 1)))
}

func bounded(d time.Duration) time.Duration { return min(max(d, 0), routing.MaxDelay) }
