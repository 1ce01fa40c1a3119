package broker

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Depth is what AMQP tells of a queue.
type Depth struct {
	// Ready is the number of messages that wait for a consumer; those that were delivered and not
	// acknowledged are not among them. A quorum queue whose leader does not answer within 250 ms
	// is told as 0.
	Ready int
	// Consumers is the number of its consumers.
	Consumers int
}

// Depth asks the broker for the depth of one queue, over a connection of its own. It blocks until
// the broker has answered or ctx is done. The error is [ErrNoQueue] where the queue does not exist,
// [ErrRefused] where the user may not see it, [ErrNotConnected] without a connection.
func (c *Client) Depth(ctx context.Context, queue string) (Depth, error) {
	depths, err := c.Depths(ctx, queue)
	if err != nil {
		return Depth{}, err
	}
	depth, exists := depths[queue]
	if !exists {
		return Depth{}, fmt.Errorf("depth of %s: %w", queue, ErrNoQueue)
	}
	return depth, nil
}

// Depths is [Client.Depth] for many queues over one connection. A queue that does not exist is not
// in the result, and not an error. Where the user may not see some of them, the error names the first and
// is [ErrRefused], and the depths of the others are beside it.
func (c *Client) Depths(ctx context.Context, queues ...string) (map[string]Depth, error) {
	var depths map[string]Depth
	err := c.withChannel(ctx, "depth", func(newChannel func() (*amqp.Channel, error)) (err error) {
		depths, err = askDepths(newChannel, queues)
		return err
	})
	return depths, depthsError(err)
}

func depthsError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("depth of queues: %w", err)
}

// askDepths asks for queues one by one on channels of one connection. Those that it may see it returns also
// beside the error about one that it may not.
func askDepths(newChannel func() (*amqp.Channel, error), queues []string) (map[string]Depth, error) {
	depths := make(map[string]Depth, len(queues))
	var channel *amqp.Channel
	var refused error
	for _, queue := range queues {
		if channel == nil || channel.IsClosed() {
			var err error
			if channel, err = newChannel(); err != nil {
				return nil, err
			}
		}
		found, err := channel.QueueDeclarePassive(queue, true, false, false, false, nil)
		switch {
		case err == nil:
			depths[queue] = Depth{Ready: found.Messages, Consumers: found.Consumers}
		case isCode(err, amqp.NotFound): // which closes the channel, as every refusal does
		case isCode(err, amqp.AccessRefused):
			if refused == nil {
				refused = describe("queue", queue, err)
			}
		default:
			return nil, describe("queue", queue, err)
		}
	}
	return depths, refused
}
