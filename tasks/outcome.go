package tasks

import (
	"fmt"
	"time"
)

// PermanentError is an error that no retry can mend. Make one with [Permanent].
type PermanentError struct{ Err error }

// Permanent returns an error that makes its task a dead letter at once, with [ReasonPermanent].
func Permanent(err error) error { return &PermanentError{err} }

// Error tells the cause.
func (e *PermanentError) Error() string { return fmt.Sprint(e.Err) }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// RetryAfterError is an error that says itself when to try again. Make one with [RetryAfter].
type RetryAfterError struct {
	After time.Duration
	Err   error
}

// RetryAfter returns an error that makes its task run again after d (at least 0, at most
// routing.MaxDelay, to which it is brought) instead of what the retry policy says. It counts as an
// attempt: when attempts are exhausted the task is a dead letter.
func RetryAfter(d time.Duration, err error) error { return &RetryAfterError{d, err} }

// Error tells the cause.
func (e *RetryAfterError) Error() string { return fmt.Sprint(e.Err) }

// Unwrap returns the cause.
func (e *RetryAfterError) Unwrap() error { return e.Err }

// SnoozeError asks to run the task again later. Make one with [Snooze].
type SnoozeError struct {
	After time.Duration
	// NotBegun says that the handler was not begun, as middleware may: then nobody has come back from
	// the task, and the count of its redeliveries, which is to tell a task that kills its workers, goes on.
	NotBegun bool
}

// Snooze returns an outcome, not a failure: the task runs again after d (bounded as by
// [RetryAfter]), which does not count as an attempt.
func Snooze(d time.Duration) error { return &SnoozeError{After: d} }

// NotBegun returns an outcome of middleware that does not run the handler now: it is a snooze of d
// that leaves the count of the task's redeliveries as it is.
func NotBegun(d time.Duration) error { return &SnoozeError{After: d, NotBegun: true} }

// Error tells the time.
func (e *SnoozeError) Error() string { return "snoozed for " + e.After.String() }

// Action is what is to be done with a delivery.
type Action int

// The actions. The zero Action is Requeue: what nobody decided about goes back.
const (
	// Requeue gives the delivery back as it is: the worker is stopping.
	Requeue Action = iota
	// Ack ends the work: it is done.
	Ack
	// Retry publishes the work again after a time, then acks.
	Retry
	// DeadLetter publishes the work to its dead-letter queue, then acks.
	DeadLetter
)

// String returns the action's name.
func (a Action) String() string {
	switch a {
	case Ack:
		return "ack"
	case Retry:
		return "retry"
	case DeadLetter:
		return "dead-letter"
	default:
		return "requeue"
	}
}

// Decision is what an executor says about a delivery; the worker's settlement alone applies it.
type Decision struct {
	Action Action
	// After is how long a Retry waits, 0 to routing.MaxDelay.
	After time.Duration
	// Counts says that the handler ran and failed: the failure is one of the work's attempts. A
	// snooze is not, nor is a task that expired or has no handler.
	Counts bool
	// NotBegun says of a Retry that the handler was not begun.
	NotBegun bool
	// Reason is why a DeadLetter is one.
	Reason Reason
	// Err is the error behind a Retry or DeadLetter, nil for a snooze.
	Err error
	// Result is what the handler of an Ack gave by [SetResult], nil where it gave nothing.
	Result *Result
	// TraceParent is that of the span that the task was run under, as [TraceRun] was told, empty where
	// nobody told.
	TraceParent string
}
