package worker

import (
	"context"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// delivery is what the worker does with a delivery; broker.Delivery is one.
type delivery interface {
	// Ack, Requeue and Reject answer the broker, once. They do not wait for it.
	Ack() error
	Requeue() error
	Reject() error
	// Lost reports whether the session has ended: the broker gives the message out again.
	Lost() bool
	// Context is done when the session has ended, before another begins.
	Context() context.Context
}

// item is a delivery on its way through the worker.
type item struct {
	delivery delivery
	message  tasks.Message
	task     tasks.Task
	// pattern and limit are the handler's pattern, empty where there is none, and how many of it may run
	// at a time; a limit of 0 is none. All items of a pattern have the same.
	pattern string
	limit   int

	replied bool // whoever waits for the task has been told, by this item or the one before

	// What follows is the buffer's.
	received time.Time // when it was pushed
	arrival  uint64    // the how manieth it was
	group    *group    // where it is counted as running, nil where nobody counts

	// What follows is that of works.
	name workName
	next *item // the next work under way of the same name
	// cancel ends the context that the task runs under; nil where it does not run.
	cancel context.CancelCauseFunc
}
