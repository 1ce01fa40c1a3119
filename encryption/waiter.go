package encryption

import (
	"context"
	"errors"

	"github.com/warrenmq/warren/tasks"
)

// Waiter encrypts a task, has the next publish it and wait for its end, and decrypts what comes back:
// the result, the notes of progress, the text of a tasks.RemoteError. Make one with [NewWaiter].
type Waiter struct {
	next tasks.Waiter
	keys *Keyset
}

// NewWaiter returns a waiter that encrypts with the primary key of a set.
func NewWaiter(next tasks.Waiter, keys *Keyset) *Waiter { return &Waiter{next: next, keys: keys} }

// EnqueueAndWait blocks, and fails, as the next one's does. A task that cannot be encrypted is an error
// as of [Keyset.Seal]. A result that cannot be decrypted, or that is not encrypted, is an error that is
// tasks.ErrUndecryptable: the task is done all the same.
func (w *Waiter) EnqueueAndWait(ctx context.Context, t tasks.Task, wait tasks.Wait) (tasks.Reply, error) {
	sealed, err := w.keys.Seal(t)
	if err != nil {
		return tasks.Reply{ID: t.ID}, err
	}
	if told := wait.Progress; told != nil {
		notes, _ := w.keys.texts(&sealed, purposeProgress)
		wait.Progress = func(e tasks.ProgressEvent) {
			e.Note = notes.open(e.Note)
			told(e)
		}
	}
	reply, err := w.next.EnqueueAndWait(ctx, sealed, wait)
	if err == nil {
		return w.keys.openReply(&sealed, reply)
	}
	var remote *tasks.RemoteError
	if errors.As(err, &remote) {
		opened := *remote // others may wait for the same task
		opened.Text = w.keys.OpenError(&sealed, remote.Text)
		return reply, &opened
	}
	return reply, err
}
