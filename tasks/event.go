package tasks

import (
	"context"
	"time"
)

// EventKind is what happened to a task.
type EventKind string

// The kinds of events.
const (
	// EventStarted: its handler is about to run.
	EventStarted EventKind = "started"
	// EventSucceeded: it is done.
	EventSucceeded EventKind = "succeeded"
	// EventRetried: it failed, and runs again later.
	EventRetried EventKind = "retried"
	// EventSnoozed: it asked to run again later.
	EventSnoozed EventKind = "snoozed"
	// EventReturned: it was not finished, and goes back to its queue, since the worker stops.
	EventReturned EventKind = "returned"
	// EventDead: it is a dead letter.
	EventDead EventKind = "dead"
	// EventRevoked: it is a dead letter, since it was revoked.
	EventRevoked EventKind = "revoked"
	// EventProgress: its handler told how far it is.
	EventProgress EventKind = "progress"
)

// Event is something that happened to a task in a worker.
type Event struct {
	Kind EventKind
	// At is when it happened.
	At time.Time
	// Task is the task, Worker the name of the worker. Whoever takes an event must not keep the task.
	Task   *Task
	Worker string
	// Pattern is that of the task's handler as the queue's mux has it, empty where there is none.
	Pattern string
	// Started is when the task's turn came: the zero time where it did not.
	Started time.Time
	// Reason and Err are why a task is dead; of one that is retried there is an Err only.
	Reason Reason
	Err    error
	// Percent, 0 to 100, and Note are what a task told of its progress.
	Percent float64
	Note    string
}

// Wait returns how long the task waited for its turn: from when it was enqueued or, where that is
// later, due. The second result is false where that is not known.
func (e *Event) Wait() (time.Duration, bool) {
	since := e.Task.EnqueuedAt
	if e.Task.NotBefore.After(since) {
		since = e.Task.NotBefore
	}
	if e.Started.IsZero() || since.IsZero() {
		return 0, false
	}
	return max(0, e.Started.Sub(since)), true // clocks differ
}

// Took returns how long the task had its turn until the event. The second result is false where it
// had none.
func (e *Event) Took() (time.Duration, bool) {
	if e.Started.IsZero() {
		return 0, false
	}
	return max(0, e.At.Sub(e.Started)), true
}

// ErrorText is the error as a dead letter carries it: valid UTF-8, at most MaxErrorBytes. It is empty
// where there is none.
func (e *Event) ErrorText() string {
	if e.Err == nil {
		return ""
	}
	return ErrorText(e.Err, MaxErrorBytes)
}

// EventOf returns the event that a decision about a task is.
func EventOf(t *Task, d Decision) Event {
	e := Event{Task: t, Reason: d.Reason, Err: d.Err}
	switch {
	case d.Action == Ack:
		e.Kind = EventSucceeded
	case d.Action == Retry && d.Err == nil:
		e.Kind = EventSnoozed
	case d.Action == Retry:
		e.Kind = EventRetried
	case d.Action == DeadLetter && d.Reason == ReasonRevoked:
		e.Kind = EventRevoked
	case d.Action == DeadLetter:
		e.Kind = EventDead
	default:
		e.Kind, e.Err = EventReturned, nil
	}
	return e
}

// Recorder takes the events of a worker's tasks. history.Recorder is one. It is called by many
// goroutines at once.
type Recorder interface {
	// Record takes an event without waiting for it to be kept.
	Record(e Event)
	// Store takes an event and blocks until it is kept for good, it cannot be kept for now, or ctx is done, which is an error.
	Store(ctx context.Context, e Event) error
}
