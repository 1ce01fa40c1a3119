package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
)

// Definition binds a routing key to the Go type of its payload, so that publisher and handler
// cannot disagree. Payloads travel as JSON. Make one with [Define].
type Definition[T any] struct{ key string }

// Define returns the definition of a task. The key is checked where it is used: Handle, which takes
// a pattern too, reports a bad one through [Mux.Err], Enqueue through routing.ErrInvalidKey.
func Define[T any](key string) Definition[T] { return Definition[T]{key} }

// Key returns the task's routing key.
func (d Definition[T]) Key() string { return d.key }

// Handle adds a handler for the task to a mux. A payload that is not JSON of T makes its task a
// dead letter with [ReasonMalformed]. [FromContext] gives the handler the rest of the task.
func (d Definition[T]) Handle(m *Mux, f func(ctx context.Context, payload T) error, opts ...HandleOption) {
	if f == nil {
		m.Handle(d.key, nil)
		return
	}
	m.HandleFunc(d.key, func(ctx context.Context, t *Task) error {
		var payload T
		if err := json.Unmarshal(t.Payload, &payload); err != nil {
			return &MalformedError{Field: "payload", Err: withoutValue(err)}
		}
		return f(ctx, payload)
	}, opts...)
}

// withoutValue returns what encoding/json says without the value that it could not take, which it tells
// of a number that does not fit: the error goes to logs, where no part of a payload belongs. What a type's
// own UnmarshalJSON says is left as it is.
func withoutValue(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		mismatch.Value, _, _ = strings.Cut(mismatch.Value, " ")
	}
	return err
}

// Enqueue publishes the task and returns its ID. It blocks as the enqueuer's Enqueue does. A
// payload that cannot be JSON returns an error that is [ErrInvalidTask]; the rest are the
// enqueuer's.
func (d Definition[T]) Enqueue(ctx context.Context, to Enqueuer, payload T, opts ...EnqueueOption) (string, error) {
	t, err := d.task(payload, opts)
	if err != nil {
		return "", err
	}
	return to.Enqueue(ctx, t)
}
