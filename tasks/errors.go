package tasks

import (
	"errors"
	"fmt"
)

// The errors of this package, for errors.Is.
var (
	// ErrInvalidTask is a task with a field out of its bounds, refused before it is published.
	ErrInvalidTask = errors.New("invalid task")
	// ErrNoHandler is a task whose key no pattern of the mux matches.
	ErrNoHandler = errors.New("no handler")
	// ErrTimeout is a handler that failed after its time was over.
	ErrTimeout = errors.New("timed out")
	// ErrPanic is a handler that panicked.
	ErrPanic = errors.New("handler panicked")
	// ErrExpired is a task that was not started before its expiry.
	ErrExpired = errors.New("expired")
	// ErrRevoked is a task that was revoked. It is the cause of the end of a running task's context; a
	// task that fails then is dead-lettered with [ReasonRevoked].
	ErrRevoked = errors.New("revoked")
	// ErrUnauthorised is a task that is not to be run for whoever enqueued it. A task that fails with one
	// is dead-lettered with [ReasonUnauthorised], without a retry.
	ErrUnauthorised = errors.New("unauthorised")
	// ErrUndecryptable is a task whose payload cannot be decrypted. A task that fails with one is
	// dead-lettered with [ReasonUndecryptable], without a retry.
	ErrUndecryptable = errors.New("undecryptable")
	// ErrInvalidRetry is a retry policy with a field out of its bounds.
	ErrInvalidRetry = errors.New("invalid retry policy")
	// ErrInvalidMux is a mux with a bad pattern, a pattern handled twice, or a nil handler.
	ErrInvalidMux = errors.New("invalid mux")
)

func invalid(field, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrInvalidTask, field, fmt.Sprintf(format, args...))
}

// MalformedError is a message, or the payload of one, that cannot be read as a task. A task whose
// handler returns one is dead-lettered with [ReasonMalformed] without a retry.
type MalformedError struct {
	// Field is the header or property at fault, or "payload".
	Field string
	Err   error
}

// Error tells the field and what is wrong with it.
func (e *MalformedError) Error() string { return fmt.Sprintf("malformed %s: %v", e.Field, e.Err) }

// Unwrap returns the cause.
func (e *MalformedError) Unwrap() error { return e.Err }
