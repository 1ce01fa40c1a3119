package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// Enqueue publishes a task through the strict entrance and returns its ID, which is also returned
// beside an error where the task got as far as having one. It blocks until the broker has
// confirmed the task, ctx is done, or the client's PublishTimeout is over.
//
// A task whose key no queue wants is [ErrUnroutable]. A task with a NotBefore that is far enough
// ahead goes through the delay ladder, where nobody can know whether its key will be routed when it
// leaves it: then it is parked in the unrouted queue. A task that is out of bounds is
// tasks.ErrInvalidTask, routing.ErrInvalidKey or routing.ErrDelayTooLong; the other errors are
// [*PublishError].
func (c *Client) Enqueue(ctx context.Context, t tasks.Task) (string, error) {
	return c.enqueue(ctx, t, c.names.Strict())
}

// EnqueueMany publishes tasks through the strict entrance as Enqueue does, without waiting for the
// confirm of one before it sends the next, and returns what became of each under the task's own index:
// the ID and the error that Enqueue would have returned. Tasks are sent in their order, so those that
// one queue gets arrive in it. At most the client's Window of them are unconfirmed at a time, and that
// many are encoded: beyond the tasks and their outcomes themselves their number costs no memory. Those
// who publish beside it take turns with it, a few dozen tasks each time.
//
// It blocks until every task has its outcome, ctx is done, or for the client's PublishTimeout no task
// has got one. What was not sent by then has the error that Enqueue would have returned (and an ID only
// where the caller gave it one or it was about to be sent), what was sent and not confirmed is
// [ErrUnconfirmed]. So is what was under way when the connection was lost or when RabbitMQ closed the
// channel over a message that it refuses; the tasks after it go on over the next connection. Without
// tasks the result is empty and nothing is asked of the broker.
func (c *Client) EnqueueMany(ctx context.Context, many []tasks.Task) []tasks.Enqueued {
	return newBatch(c, &taskCargo{c, many, c.names.Strict()}).run(ctx)
}

// Public returns the public entrance, which is like the client itself, but what no queue wants is
// parked in the unrouted queue and not an error.
func (c *Client) Public() Entrance { return Entrance{c} }

// Entrance publishes through a client's public entrance. Get one from [Client.Public].
type Entrance struct{ client *Client }

// Enqueue publishes a task as [Client.Enqueue] does.
func (e Entrance) Enqueue(ctx context.Context, t tasks.Task) (string, error) {
	return e.client.enqueue(ctx, t, e.client.names.Tasks())
}

// EnqueueMany publishes tasks as [Client.EnqueueMany] does.
func (e Entrance) EnqueueMany(ctx context.Context, many []tasks.Task) []tasks.Enqueued {
	return newBatch(e.client, &taskCargo{e.client, many, e.client.names.Tasks()}).run(ctx)
}

// taskCargo are tasks that are published to one entrance.
type taskCargo struct {
	client   *Client
	tasks    []tasks.Task
	entrance string
}

func (t *taskCargo) count() int { return len(t.tasks) }

func (t *taskCargo) encode(i int) (tasks.Message, error) {
	return t.client.encode(t.tasks[i], t.entrance, time.Now())
}

func (t *taskCargo) address(i int) (id, exchange, key string) {
	return t.tasks[i].ID, t.entrance, t.tasks[i].Key
}

func (c *Client) enqueue(ctx context.Context, t tasks.Task, entrance string) (string, error) {
	m, err := c.encode(t, entrance, time.Now())
	if err != nil {
		return m.MessageID, err
	}
	return m.MessageID, c.Publish(ctx, m)
}

// encode returns the message that a task is published as. Beside an error it has the ID, where the
// task got as far as having one.
func (c *Client) encode(t tasks.Task, entrance string, now time.Time) (tasks.Message, error) {
	if t.UserID != "" && t.UserID != c.user {
		return tasks.Message{}, fmt.Errorf("%w: user id: %q is not the connection's user %q, and RabbitMQ would refuse it",
			tasks.ErrInvalidTask, t.UserID, c.user)
	}
	t.UserID = c.user
	m, err := tasks.Encode(t, now)
	if err != nil {
		return tasks.Message{}, err
	}
	m.Exchange = entrance
	if !t.NotBefore.IsZero() {
		hop, delayed, err := c.names.Delay(t.NotBefore.Sub(now), routing.ToRoute(t.Key))
		if err != nil {
			return m, err
		}
		if delayed {
			m.Exchange, m.RoutingKey = hop.Exchange, hop.Key
			m.SetHeader(tasks.HeaderRoutingKey, t.Key)
		}
	}
	return m, nil
}
