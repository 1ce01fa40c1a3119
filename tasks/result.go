package tasks

import (
	"context"
	"encoding/json"
)

// Result is what a handler gives to whoever waits for its task.
type Result struct {
	// ContentType says what Body is. Defaults to DefaultContentType.
	ContentType string
	// Body may be as large as the broker takes messages; a result beyond that is answered with an
	// error that says so.
	Body []byte
	// Err tells why there is no result although the task is done, as where it was larger than its
	// handler keeps. It is answered in place of Body.
	Err error
}

// SetResult gives the result of the task that is run under ctx. It is sent where somebody waits for
// it, once the handler has returned nil; of several the last one holds. Without effect outside of a
// handler, after the handler has returned, and where the handler fails. The body must not be changed
// afterwards. It is safe for use by any number of goroutines, and does not block.
func SetResult(ctx context.Context, result Result) {
	r := runFrom(ctx)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.result = &result
	}
}

// ResultFrom returns the result that was given under ctx so far, for middleware that looks at it
// once its handler has returned; [SetResult] replaces it. The second result is false where there is
// none.
func ResultFrom(ctx context.Context) (Result, bool) {
	r := runFrom(ctx)
	if r == nil {
		return Result{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result == nil {
		return Result{}, false
	}
	return *r.result, true
}

// ResultDefinition is a [Definition] of a task that has a result, of the Go type R, which travels as
// JSON too. Make one with [DefineResult].
type ResultDefinition[T, R any] struct{ Definition[T] }

// DefineResult returns the definition of a task with a result; as [Define] otherwise.
func DefineResult[T, R any](key string) ResultDefinition[T, R] {
	return ResultDefinition[T, R]{Define[T](key)}
}

// Handle adds a handler for the task to a mux, as [Definition.Handle] does. What the handler returns
// beside a nil error is the task's result. A result that cannot be JSON makes its task a dead letter
// with [ReasonPermanent].
func (d ResultDefinition[T, R]) Handle(m *Mux, f func(ctx context.Context, payload T) (R, error), opts ...HandleOption) {
	if f == nil {
		d.Definition.Handle(m, nil, opts...)
		return
	}
	d.Definition.Handle(m, func(ctx context.Context, payload T) error {
		value, err := f(ctx, payload)
		if err != nil {
			return err
		}
		body, err := json.Marshal(value)
		if err != nil {
			return Permanent(invalid("result", "%v", err))
		}
		SetResult(ctx, Result{ContentType: DefaultContentType, Body: body})
		return nil
	}, opts...)
}

// EnqueueAndWait publishes the task, waits for its end and returns its result. It blocks, and fails,
// as [Definition.EnqueueAndWait] does; a result that is not JSON of R is a [*MalformedError].
func (d ResultDefinition[T, R]) EnqueueAndWait(ctx context.Context, on Waiter, payload T, opts ...WaitOption) (R, error) {
	var value R
	reply, err := d.enqueueAndWait(ctx, on, payload, opts)
	if err != nil {
		return value, err
	}
	if err := json.Unmarshal(reply.Body, &value); err != nil {
		return value, &MalformedError{Field: "result", Err: err}
	}
	return value, nil
}
