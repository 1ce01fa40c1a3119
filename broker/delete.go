package broker

import (
	"context"
	"fmt"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// Delete deletes the whole topology of a configuration with every task in it, the reverse of
// [Client.Declare], over a connection of its own. What does not exist is no error. It blocks until
// the broker has answered or ctx is done. What may not be deleted is [ErrRefused]; the errors of
// routing.Build are returned as they are.
func (c *Client) Delete(ctx context.Context, spec routing.Spec) error {
	spec.Names = c.names
	topology, err := routing.Build(spec, routing.Broker{Version: c.version})
	if err != nil {
		return err
	}
	err = c.withChannel(ctx, "delete", func(newChannel func() (*amqp.Channel, error)) error {
		channel, err := newChannel()
		if err != nil {
			return err
		}
		for _, e := range topology.Exchanges { // first, so that nothing comes in any more
			if err := channel.ExchangeDelete(e.Name, false, false); err != nil {
				return describe("exchange", e.Name, err)
			}
		}
		for _, q := range slices.Concat(topology.Queues, topology.Streams) {
			if _, err := channel.QueueDelete(q.Name, false, false, false); err != nil {
				return describe("queue", q.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete the topology: %w", err)
	}
	return nil
}
