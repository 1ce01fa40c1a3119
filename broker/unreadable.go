package broker

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

// A producer in any language can give a message headers that RabbitMQ takes and the client library
// cannot read, and RabbitMQ adds to headers itself. The library then closes the connection, and again
// at each redelivery. So once that has happened to a consumer, its connections read through a
// headerFilter; those that look at queues always do.

// received turns a delivery into a message, without headers where the filter has marked that they
// cannot be read; the error, which is ErrUnreadable, then says why.
func received(d *amqp.Delivery) (tasks.Message, error) {
	why, marked := d.Headers[unreadableMark]
	if !marked {
		return fromDelivery(d), nil
	}
	bare := *d
	bare.Headers = nil
	return fromDelivery(&bare), fmt.Errorf("%w: %s", ErrUnreadable, why)
}

// unreadable reports whether the library gave the connection up over something that it could not
// read, told by what it said when it closed it. It reports a read that fails, and a write, in the same
// way.
func (c *connection) unreadable(closed <-chan *amqp.Error) bool {
	select {
	case err := <-closed:
		return err != nil && !err.Server && err.Code == amqp.FrameError && !c.transport.failed.Load()
	default:
		return false
	}
}
