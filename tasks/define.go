package tasks

import (
	"context"
	"encoding/json"
	"time"
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
func (d Definition[T]) Handle(m *Mux, f func(ctx context.Context, payload T) error) {
	if f == nil {
		m.Handle(d.key, nil)
		return
	}
	m.HandleFunc(d.key, func(ctx context.Context, t *Task) error {
		var payload T
		if err := json.Unmarshal(t.Payload, &payload); err != nil {
			return &MalformedError{Field: "payload", Err: err}
		}
		return f(ctx, payload)
	})
}

// Enqueue publishes the task and returns its ID. It blocks as the enqueuer's Enqueue does. A
// payload that cannot be JSON returns an error that is [ErrInvalidTask]; the rest are the
// enqueuer's.
func (d Definition[T]) Enqueue(ctx context.Context, to Enqueuer, payload T, opts ...EnqueueOption) (string, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return "", invalid("payload", "%v", err)
	}
	t := Task{Key: d.key, Payload: body}
	for _, opt := range opts {
		opt(&t)
	}
	return to.Enqueue(ctx, t)
}

// EnqueueOption sets something of a task that is to be published. What is out of bounds is
// reported by Enqueue.
type EnqueueOption func(*Task)

// Delay has the task run after d, at most routing.MaxDelay.
func Delay(d time.Duration) EnqueueOption {
	return func(t *Task) { t.NotBefore = time.Now().Add(d) }
}

// At has the task run at a time, at most routing.MaxDelay ahead.
func At(at time.Time) EnqueueOption { return func(t *Task) { t.NotBefore = at } }

// ExpiresAt has the task be a dead letter where it is not started before a time.
func ExpiresAt(at time.Time) EnqueueOption { return func(t *Task) { t.ExpiresAt = at } }

// Priority sets the priority, MinPriority..MaxPriority, the highest first.
func Priority(p int) EnqueueOption { return func(t *Task) { t.Priority = p } }

// ID sets the task's ID, at most MaxIDBytes bytes. Publishing a task again under its ID, after an
// error that left open whether it arrived, lets the worker tell that it is the same.
func ID(id string) EnqueueOption { return func(t *Task) { t.ID = id } }

// MaxAttempts overrides the queue's number of attempts, 1..MaxMaxAttempts.
func MaxAttempts(n int) EnqueueOption { return func(t *Task) { t.MaxAttempts = n } }

// Timeout overrides the queue's timeout, 1 ms..MaxTimeout.
func Timeout(d time.Duration) EnqueueOption { return func(t *Task) { t.Timeout = d } }

// Header adds a foreign header; its name may not begin with HeaderPrefix.
func Header(name string, value any) EnqueueOption {
	return func(t *Task) {
		if t.Headers == nil {
			t.Headers = map[string]any{}
		}
		t.Headers[name] = value
	}
}
