package broker

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// Bindings asks the management API for the bindings of the virtual host, but for those to the default
// exchange. It blocks until the API has answered, at most 5 s, or ctx is done. The error is
// [ErrNoManagement].
func (c *Client) Bindings(ctx context.Context) ([]BindingInfo, error) {
	bindings := c.management.bindings(ctx)
	return bindings.Value, bindings.Err
}

// Unbind removes bindings without arguments, over a connection of its own. One that does not exist is no
// error. It blocks until the broker has answered or ctx is done. What may not be removed is [ErrRefused].
func (c *Client) Unbind(ctx context.Context, bindings ...routing.Binding) error {
	err := c.withChannel(ctx, "unbind", func(newChannel func() (*amqp.Channel, error)) error {
		channel, err := newChannel()
		if err != nil {
			return err
		}
		for _, b := range bindings {
			kind, unbind := "queue", channel.QueueUnbind
			if b.ToExchange {
				kind, unbind = "exchange", func(name, key, exchange string, args amqp.Table) error {
					return channel.ExchangeUnbind(name, key, exchange, false, args)
				}
			}
			if err := unbind(b.Destination, b.Key, b.Source, nil); err != nil {
				return describe(kind, b.Destination, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("unbind: %w", err)
	}
	return nil
}
