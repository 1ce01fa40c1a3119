package encryption

import (
	"context"

	"github.com/warrenmq/warren/tasks"
)

// Next is what an [Enqueuer] stands before; broker.Client and broker.Entrance are.
type Next interface {
	tasks.Enqueuer
	tasks.ManyEnqueuer
}

// Enqueuer encrypts tasks and gives them to the next. Make one with [New].
type Enqueuer struct {
	next Next
	keys *Keyset
}

// New returns an enqueuer that encrypts with the primary key of a set.
func New(next Next, keys *Keyset) *Enqueuer { return &Enqueuer{next: next, keys: keys} }

// Enqueue encrypts the task as [Keyset.Seal] does and publishes it. The ID is returned beside an error
// too. The other errors are the next enqueuer's, and it blocks as that does. A task that is to be
// published again under its ID is passed in clear again.
func (e *Enqueuer) Enqueue(ctx context.Context, t tasks.Task) (string, error) {
	sealed, err := e.keys.Seal(t)
	if err != nil {
		return t.ID, err
	}
	return e.next.Enqueue(ctx, sealed)
}

// EnqueueMany encrypts each task and publishes those that could be, whatever becomes of the others;
// outcomes stand under the tasks' own indexes. The ciphertexts are made before the first is published.
func (e *Enqueuer) EnqueueMany(ctx context.Context, many []tasks.Task) []tasks.Enqueued {
	return tasks.EnqueueEach(ctx, e.next, many, e.keys.Seal)
}
