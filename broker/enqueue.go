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

// Public returns an enqueuer like the client itself that publishes through the public entrance:
// what no queue wants is parked in the unrouted queue and not an error.
func (c *Client) Public() tasks.Enqueuer { return public{c} }

type public struct{ client *Client }

func (p public) Enqueue(ctx context.Context, t tasks.Task) (string, error) {
	return p.client.enqueue(ctx, t, p.client.names.Tasks())
}

func (c *Client) enqueue(ctx context.Context, t tasks.Task, entrance string) (string, error) {
	if t.UserID != "" && t.UserID != c.user {
		return "", fmt.Errorf("%w: user id: %q is not the connection's user %q, and RabbitMQ would refuse it",
			tasks.ErrInvalidTask, t.UserID, c.user)
	}
	t.UserID = c.user
	now := time.Now()
	m, err := tasks.Encode(t, now)
	if err != nil {
		return "", err
	}
	m.Exchange = entrance
	if !t.NotBefore.IsZero() {
		hop, delayed, err := c.names.Delay(t.NotBefore.Sub(now), routing.ToRoute(t.Key))
		if err != nil {
			return m.MessageID, err
		}
		if delayed {
			m.Exchange, m.RoutingKey = hop.Exchange, hop.Key
			m.SetHeader(tasks.HeaderRoutingKey, t.Key)
		}
	}
	return m.MessageID, c.Publish(ctx, m)
}
