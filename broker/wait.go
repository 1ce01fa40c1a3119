package broker

import (
	"context"
	"fmt"

	"github.com/warrenmq/warren/tasks"
)

// EnqueueAndWait publishes a task as [Client.Enqueue] does and blocks until it is done, dead, or ctx
// is done; a task with a delay may be waited for too. The reply comes to a queue that the client
// declares when it first waits, consumes over a connection of its own, and deletes in Close; it takes
// permission to configure, write and read names that begin with the prefix and ".reply.". Lost
// connections are waited out.
//
// The reply has the task's ID beside an error too, once there is one. The errors, beside those of
// Enqueue:
//
//   - [*tasks.RemoteError]: the task is dead, or done without a result that could be sent;
//   - ctx's, wrapped: the task may still run;
//   - tasks.ErrReplyLost: the reply queue was deleted, or had expired after 5 minutes without a
//     connection, and what became of the task cannot be known;
//   - [ErrClosed]: the client was closed; the task may still run.
//
// The task may have neither ReplyTo nor CorrelationID: that is tasks.ErrInvalidTask. Two calls that
// wait for one ID are both told of the end that comes first.
func (c *Client) EnqueueAndWait(ctx context.Context, t tasks.Task, wait tasks.Wait) (tasks.Reply, error) {
	if t.ReplyTo != "" || t.CorrelationID != "" {
		return tasks.Reply{ID: t.ID}, fmt.Errorf("%w: reply to and correlation id are set by EnqueueAndWait itself", tasks.ErrInvalidTask)
	}
	if t.ID == "" {
		t.ID = tasks.NewID()
	}
	reply := tasks.Reply{ID: t.ID}
	w, err := c.replies.wait(ctx, t.ID)
	if err != nil {
		return reply, fmt.Errorf("make the reply queue: %w", err)
	}
	defer w.leave()
	t.ReplyTo = w.queue.name
	if _, err := c.Enqueue(ctx, t); err != nil {
		return reply, err
	}
	if wait.Enqueued != nil {
		wait.Enqueued(t.ID)
	}
	tell := wait.Progress
	if tell == nil {
		tell = func(tasks.ProgressEvent) {}
	}
	for {
		select {
		case e := <-w.progress:
			tell(e)
		case end := <-w.end:
			select {
			case e := <-w.progress: // came before the end
				tell(e)
			default:
			}
			return ended(reply, end)
		case <-ctx.Done():
			return reply, fmt.Errorf("wait for task %s, which may still run: %w", t.ID, ctx.Err())
		}
	}
}

// ended returns the end of a wait; what is not said by the worker needs the task's name.
func ended(reply tasks.Reply, end ending) (tasks.Reply, error) {
	switch end.err.(type) { //nolint:errorlint // the reader of the reply has made it
	case nil:
		return end.reply, nil
	case *tasks.RemoteError:
		return reply, end.err
	default:
		return reply, fmt.Errorf("wait for task %s, which may have run: %w", reply.ID, end.err)
	}
}
