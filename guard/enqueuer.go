package guard

import (
	"context"

	"github.com/warrenmq/warren/tasks"
)

// Next is what an [Enqueuer] stands before; broker.Client and broker.Entrance are.
type Next interface {
	tasks.Enqueuer
	tasks.ManyEnqueuer
}

// Enqueuer refuses tasks with credentials in their payloads, and gives all others to the next.
// Where payloads are encrypted it stands before what encrypts them. Make one with [New].
type Enqueuer struct {
	next    Next
	checker *Checker
}

// New returns an enqueuer that looks for fields of these names, by default DefaultFields, as
// [NewChecker] says.
func New(next Next, fields ...string) *Enqueuer {
	return &Enqueuer{next: next, checker: NewChecker(fields...)}
}

// Enqueue checks the task and publishes it. A task that is refused returns its ID where it has one,
// and an error as of [Checker.Check]; the rest are the next enqueuer's, and it blocks as that does.
func (e *Enqueuer) Enqueue(ctx context.Context, t tasks.Task) (string, error) {
	if err := e.checker.Check(&t); err != nil {
		return t.ID, err
	}
	return e.next.Enqueue(ctx, t)
}

// EnqueueMany checks each task and publishes those that are not refused, whatever becomes of the
// others; outcomes stand under the tasks' own indexes.
func (e *Enqueuer) EnqueueMany(ctx context.Context, many []tasks.Task) []tasks.Enqueued {
	return tasks.EnqueueEach(ctx, e.next, many, func(t tasks.Task) (tasks.Task, error) { return t, e.checker.Check(&t) })
}
