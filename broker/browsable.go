package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// ErrNotBrowsable is a queue that is not looked at: looking at the queue's messages could harm them.
var ErrNotBrowsable = errors.New("queue not fit to be looked at")

// browsable returns nil where no look can harm a queue's messages, else an error that is
// ErrNotBrowsable, ErrNoQueue or ErrRefused.
//
// A delivery limit cannot be read over AMQP, but a declare tells whether the queue has the
// arguments of the topology, which limits no queue where messages lie.
func (c *Client) browsable(ctx context.Context, queue string, newChannel func() (*amqp.Channel, error)) error {
	args, err := c.restingArguments(queue)
	if err != nil {
		return err
	}
	channel, err := newChannel()
	if err != nil {
		return err
	}
	_, err = channel.QueueDeclarePassive(queue, true, false, false, false, nil)
	switch {
	case isCode(err, amqp.NotFound):
		return ErrNoQueue
	case err != nil:
		return describe("queue", queue, err)
	}
	if c.version.AtLeast(4, 3) {
		return channel.Close() // a look does not count
	}
	policy, limited := c.management.policyLimit(ctx, queue)
	unlimited := limited && policy < 0 && c.version.AtLeast(4, 0)
	if limited && !unlimited {
		return fmt.Errorf("%w: a policy gives it a delivery limit of %d, which drops a letter that was looked at that often; exempt the queue from the policy",
			ErrNotBrowsable, policy)
	}
	if _, err = channel.QueueDeclare(queue, true, false, false, false, args); err == nil {
		return channel.Close()
	}
	err = describe("queue", queue, err)
	var drift *DriftError
	switch {
	case !errors.As(err, &drift):
		return err
	case drift.Argument == routing.ArgQueueType && drift.Have == string(routing.Classic):
		return nil // which knows no delivery limit
	case drift.Argument == routing.ArgDeliveryLimit && drift.lacks() && unlimited:
		return nil
	case drift.Argument == routing.ArgDeliveryLimit && drift.lacks():
		return fmt.Errorf("%w: it was declared before RabbitMQ 4.0, which by default drops a letter that was looked at 20 times; set a policy with delivery-limit -1 on it and configure broker.management, which tells of it",
			ErrNotBrowsable)
	case drift.Argument == routing.ArgDeliveryLimit:
		return fmt.Errorf("%w: it has a delivery limit of %s, which drops a letter that was looked at that often",
			ErrNotBrowsable, drift.Have)
	default:
		return fmt.Errorf("%w: it may have a delivery limit: %w", ErrNotBrowsable, err)
	}
}

// restingArguments are those that a dead-letter queue or the unrouted queue is declared with.
func (c *Client) restingArguments(queue string) (amqp.Table, error) {
	spec := routing.Spec{Names: c.names}
	if queue != c.names.Unrouted() {
		work, isDead := strings.CutSuffix(queue, routing.DeadSuffix)
		if !isDead {
			return nil, fmt.Errorf("%w: it is neither a dead-letter queue nor the unrouted queue", ErrNotBrowsable)
		}
		spec.Queues = []routing.QueueSpec{{Name: work}}
	}
	topology, err := routing.Build(spec, routing.Broker{Version: c.version})
	if err != nil {
		return nil, err
	}
	args := amqp.Table{}
	for _, q := range topology.Queues {
		if q.Name == queue {
			for name, value := range q.Arguments {
				args[name] = value
			}
		}
	}
	return args, nil
}

// policyLimit returns the delivery limit that policies give a queue. The second result is false
// where none does, or nobody can be asked.
func (m *management) policyLimit(ctx context.Context, queue string) (int64, bool) {
	var has struct {
		Policy any `json:"effective_policy_definition"` // a table, but [] where it is empty
	}
	if err := m.get(ctx, m.queuePath(queue), &has); err != nil {
		return 0, false
	}
	policy, _ := has.Policy.(map[string]any)
	number, _ := policy["delivery-limit"].(json.Number)
	limit, err := number.Int64()
	return limit, err == nil
}
