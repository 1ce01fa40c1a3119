package tracing

import (
	"context"

	"github.com/warrenmq/warren/tasks"
)

// Waiter makes a span of each publish, as an [Enqueuer] does, and has the next publish the task and wait
// for its end. The span is over when the task is confirmed: the waiting is not the publish's. Make one
// with [NewWaiter].
type Waiter struct {
	next tasks.Waiter
	publisher
}

// NewWaiter returns a waiter that traces.
func NewWaiter(next tasks.Waiter, config Config) *Waiter {
	return &Waiter{next: next, publisher: newPublisher(config)}
}

// EnqueueAndWait blocks, and fails, as the next one's does.
func (w *Waiter) EnqueueAndWait(ctx context.Context, t tasks.Task, wait tasks.Wait) (tasks.Reply, error) {
	publishing, span := w.publish(ctx, &t)
	told, confirmed := wait.Enqueued, false
	wait.Enqueued = func(id string) {
		confirmed = true
		end(span, id, nil)
		if told != nil {
			told(id)
		}
	}
	reply, err := w.next.EnqueueAndWait(publishing, t, wait)
	if !confirmed {
		end(span, reply.ID, err)
	}
	return reply, err
}
