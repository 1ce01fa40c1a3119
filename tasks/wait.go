package tasks

import (
	"context"
	"errors"
	"fmt"
)

// Waiter publishes a task and waits for its end. broker.Client is one.
type Waiter interface {
	// EnqueueAndWait blocks until the task has ended or ctx is done. Beside an error the reply has the
	// task's ID, where the task got as far as having one.
	EnqueueAndWait(ctx context.Context, task Task, wait Wait) (Reply, error)
}

// Wait says what the one who waits for a task wants to be told meanwhile.
type Wait struct {
	// Enqueued is called with the task's ID once the broker has confirmed the task. Nil: not told.
	Enqueued func(id string)
	// Progress is called with the task's progress, one call at a time, in the goroutine that waits; of
	// what comes while it has not returned the newest is kept. Nil: not told.
	Progress func(ProgressEvent)
}

// WaitOption sets something of a task that is waited for: every [EnqueueOption] is one, and
// [OnEnqueued] and [OnProgress].
type WaitOption interface {
	applyWait(*Task, *Wait)
}

func (o EnqueueOption) applyWait(t *Task, _ *Wait) { o(t) }

type waitOption func(*Wait)

func (o waitOption) applyWait(_ *Task, w *Wait) { o(w) }

// OnEnqueued has f called with the task's ID once the broker has confirmed the task.
func OnEnqueued(f func(id string)) WaitOption {
	return waitOption(func(w *Wait) { w.Enqueued = f })
}

// OnProgress has f called with the task's progress, as [Wait] says.
func OnProgress(f func(ProgressEvent)) WaitOption {
	return waitOption(func(w *Wait) { w.Progress = f })
}

// ErrReplyLost is a wait that cannot know any more what became of its task: the queue for its reply
// was deleted, or has expired while the client was away. The task may have run, and may still run.
var ErrReplyLost = errors.New("the reply may have been lost")

// RemoteError is a task that was waited for and ended without a result. It is matched by errors.As,
// and by errors.Is with a RemoteError that has nothing but the Reason.
type RemoteError struct {
	// ID is the task's.
	ID string
	// Reason is why the task is a dead letter. Empty: the task is done, and its result could not be
	// had, as where it is too large to be sent.
	Reason Reason
	// Text is the error's text, cut at MaxErrorBytes.
	Text string
}

// Error tells the task, the reason and the text.
func (e *RemoteError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("task %s is done, without its result: %s", e.ID, e.Text)
	}
	return fmt.Sprintf("task %s is dead (%s): %s", e.ID, e.Reason, e.Text)
}

// Is reports whether the target is a RemoteError with this one's reason and nothing else.
func (e *RemoteError) Is(target error) bool {
	want, ok := target.(*RemoteError)
	return ok && *want == RemoteError{Reason: e.Reason}
}

// EnqueueAndWait publishes the task and waits until it is done (nil) or dead (a [*RemoteError]),
// however often it is retried until then. It blocks for as long as ctx allows; the task's options may
// delay it. The errors of Enqueue mean what they mean there. Once the task is confirmed:
//
//   - the end of ctx is an error that wraps ctx's; the task may still run;
//   - [ErrReplyLost] says that what became of the task cannot be known.
//
// A lost connection of either side is waited out. A task that several queues want ends for the
// waiter when the first of its works does.
func (d Definition[T]) EnqueueAndWait(ctx context.Context, on Waiter, payload T, opts ...WaitOption) error {
	_, err := d.enqueueAndWait(ctx, on, payload, opts)
	return err
}

func (d Definition[T]) enqueueAndWait(ctx context.Context, on Waiter, payload T, opts []WaitOption) (Reply, error) {
	t, err := d.task(payload, nil)
	if err != nil {
		return Reply{}, err
	}
	var w Wait
	for _, opt := range opts {
		opt.applyWait(&t, &w)
	}
	return on.EnqueueAndWait(ctx, t, w)
}
