package broker

import (
	"context"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ConsumerConfig is what a consumer is made with.
type ConsumerConfig struct {
	// Queue is the queue to consume. It must exist by the time that a session begins; until then
	// the consumer tries again.
	Queue string
	// Prefetch is how many deliveries may be unacknowledged at a time, 1..65535.
	Prefetch int
	// Deliver takes each delivery, one at a time, in the order of arrival. It must not block: the
	// next delivery, and the end of the session, wait for it.
	Deliver func(*Delivery)
	// Prepare, where given, is called before each session after the first failed to find the queue,
	// so that what is missing can be declared.
	Prepare func(ctx context.Context) error
}

// Consumer consumes one queue over a connection of its own, session after session. The calls
// follow each other: NewConsumer starts it, Cancel stops the deliveries, Close ends it.
type Consumer struct {
	client     *Client
	cfg        ConsumerConfig
	supervisor *supervisor
	cancelled  chan struct{} // closed by Cancel
	stopped    chan struct{} // closed when no delivery will be given any more
	cancelOnce sync.Once
	stopOnce   sync.Once
	missing    bool // the last session did not find the queue; the supervisor's own
	end        context.CancelFunc
	done       sync.WaitGroup
}

// NewConsumer starts consuming in the background and does not block. The consumer must be closed.
// An error is [ErrInvalidConfig].
func (c *Client) NewConsumer(cfg ConsumerConfig) (*Consumer, error) {
	switch {
	case cfg.Queue == "":
		return nil, fmt.Errorf("%w: consumer: Queue is empty", ErrInvalidConfig)
	case cfg.Prefetch < 1 || cfg.Prefetch > 65535:
		return nil, fmt.Errorf("%w: consumer of %s: Prefetch: %d is not within 1..65535", ErrInvalidConfig, cfg.Queue, cfg.Prefetch)
	case cfg.Deliver == nil:
		return nil, fmt.Errorf("%w: consumer of %s: Deliver is nil", ErrInvalidConfig, cfg.Queue)
	}
	k := &Consumer{client: c, cfg: cfg, cancelled: make(chan struct{}), stopped: make(chan struct{})}
	k.supervisor = newSupervisor(&c.cfg, "consume "+cfg.Queue, k.serve)
	ctx, cancel := context.WithCancel(context.Background())
	k.end = cancel
	k.done.Go(func() { k.supervisor.run(ctx) })
	return k, nil
}

// Cancel stops the deliveries: after it returns Deliver is not called again, while deliveries that
// were given before may still be acknowledged. It blocks until the broker has answered or ctx is
// done, whose error it returns; then Close ends the session all the same.
func (k *Consumer) Cancel(ctx context.Context) error {
	k.cancelOnce.Do(func() { close(k.cancelled) })
	for {
		c, changed, _ := k.supervisor.state()
		if c == nil {
			return nil // no session, and the next will not consume
		}
		select {
		case <-k.stopped:
			return nil
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("cancel the consumer of %s: %w", k.cfg.Queue, ctx.Err())
		}
	}
}

// Close ends the session, which gives every unacknowledged delivery back to the broker, and
// returns when the consumer's goroutines are gone: at once, or after some 2 s where the broker does
// not answer.
func (k *Consumer) Close() {
	k.end()
	k.done.Wait()
}

// Ready returns nil while the consumer has a session, else an error that is [ErrNotConnected].
func (k *Consumer) Ready() error {
	if err := k.supervisor.ready(); err != nil {
		return fmt.Errorf("queue %s: %w", k.cfg.Queue, err)
	}
	return nil
}

// consumerTag names the consumer on its channel; each session has a channel to itself.
const consumerTag = "warren"

// serve is one session.
func (k *Consumer) serve(ctx context.Context, c *connection) error {
	defer c.closeAfter(ctx, closeTimeout)()
	select {
	case <-k.cancelled: // nothing may be taken any more
		c.shut()
		k.stopOnce.Do(func() { close(k.stopped) })
		<-ctx.Done()
		return nil
	default:
	}
	if k.missing && k.cfg.Prepare != nil {
		if err := k.cfg.Prepare(ctx); err != nil {
			c.shut()
			return err
		}
		k.missing = false
	}
	s, deliveries, err := k.open(c)
	if err != nil {
		c.shut()
		return err
	}
	err = k.consume(ctx, s, deliveries)
	s.lose()
	if ctx.Err() != nil && err == nil {
		c.shut()
	} else {
		c.abort()
	}
	return err
}

func (k *Consumer) open(c *connection) (*session, <-chan amqp.Delivery, error) {
	channel, err := c.Channel()
	if err != nil {
		return nil, nil, fmt.Errorf("consume %s: %w", k.cfg.Queue, err)
	}
	s := newSession(channel)
	if err := channel.Qos(k.cfg.Prefetch, 0, false); err != nil {
		return nil, nil, fmt.Errorf("consume %s: %w", k.cfg.Queue, err)
	}
	deliveries, err := channel.Consume(k.cfg.Queue, consumerTag, false, false, false, false, nil)
	if err != nil {
		k.missing = isCode(err, amqp.NotFound)
		return nil, nil, fmt.Errorf("consume %s: %w", k.cfg.Queue, err)
	}
	return s, deliveries, nil
}

// consume hands over deliveries until the session is lost (an error) or ctx is done (nil).
func (k *Consumer) consume(ctx context.Context, s *session, deliveries <-chan amqp.Delivery) error {
	cancelled := k.cancelled
	for {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return k.lost(s)
			}
			k.cfg.Deliver(&Delivery{Message: fromDelivery(&d), Redelivered: d.Redelivered, session: s, tag: d.DeliveryTag})
		case <-cancelled:
			if err := s.channel.Cancel(consumerTag, false); err != nil {
				return fmt.Errorf("cancel the consumer of %s: %w", k.cfg.Queue, err)
			}
			return k.linger(ctx, s, deliveries)
		case <-ctx.Done():
			return nil
		}
	}
}

// linger keeps a cancelled session for the acknowledgements that are still to come. What arrived
// before the broker's answer and was not handed over goes back.
func (k *Consumer) linger(ctx context.Context, s *session, deliveries <-chan amqp.Delivery) error {
	for d := range deliveries { // closed by the library once the consumer is cancelled
		if err := d.Nack(false, true); err != nil {
			break // the session is lost, and with it everything goes back
		}
	}
	k.stopOnce.Do(func() { close(k.stopped) })
	select {
	case err := <-s.closed:
		return fmt.Errorf("consume %s: %w", k.cfg.Queue, closeCause(err))
	case <-ctx.Done():
		return nil
	}
}

// lost tells why deliveries ended without our doing.
func (k *Consumer) lost(s *session) error {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case err := <-s.closed:
		return fmt.Errorf("consume %s: %w", k.cfg.Queue, closeCause(err))
	case <-timer.C: // the channel lives: the broker cancelled the consumer alone
		return fmt.Errorf("consume %s: the broker cancelled the consumer", k.cfg.Queue)
	}
}

func closeCause(err *amqp.Error) error {
	if err == nil {
		return amqp.ErrClosed
	}
	return err
}
