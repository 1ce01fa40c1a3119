package broker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ConsumerConfig is what a consumer is made with.
type ConsumerConfig struct {
	// Queue is the queue to consume. It must exist by the time that a session begins; until then
	// the consumer tries again.
	Queue string
	// Prefetch is how many deliveries may be unacknowledged at a time at first, 1..65535.
	Prefetch int
	// Deliver takes each delivery, one at a time, in the order of arrival. It must not block: the
	// next delivery, and the end of the session, wait for it.
	Deliver func(*Delivery)
	// Prepare, where given, is called before each session after the first failed to find the queue,
	// so that what is missing can be declared.
	Prepare func(ctx context.Context) error
	// AckTimeout is how long a delivery may stay unacknowledged before the broker takes it back, and
	// with it the session: RabbitMQ 4.3 and later, quorum queues, where it stands above what the
	// queue, a policy and the broker say; without effect elsewhere. It is rounded up to
	// milliseconds. Defaults to what they say.
	AckTimeout time.Duration
	// Paused has the consumer begin as after Pause.
	Paused bool
}

// maxPrefetch is AMQP's bound.
const maxPrefetch = 65535

func (cfg *ConsumerConfig) validate() error {
	switch {
	case cfg.Queue == "":
		return fmt.Errorf("%w: consumer: Queue is empty", ErrInvalidConfig)
	case cfg.Prefetch < 1 || cfg.Prefetch > maxPrefetch:
		return fmt.Errorf("%w: consumer of %s: Prefetch: %d is not within 1..%d", ErrInvalidConfig, cfg.Queue, cfg.Prefetch, maxPrefetch)
	case cfg.Deliver == nil:
		return fmt.Errorf("%w: consumer of %s: Deliver is nil", ErrInvalidConfig, cfg.Queue)
	case cfg.AckTimeout < 0:
		return fmt.Errorf("%w: consumer of %s: AckTimeout: %s is below 0", ErrInvalidConfig, cfg.Queue, cfg.AckTimeout)
	}
	return nil
}

// Consumer consumes one queue over a connection of its own, session after session. The calls
// follow each other: NewConsumer starts it, Cancel stops the deliveries, Close ends it. SetPrefetch,
// Pause and Resume may be called at any time.
type Consumer struct {
	client     *Client
	cfg        ConsumerConfig
	supervisor *supervisor
	cancelled  chan struct{} // closed by Cancel
	stopped    chan struct{} // closed when no delivery will be given any more
	resized    chan struct{} // holds a token once wanted has changed
	wanted     atomic.Int64  // the prefetch that was asked for
	inForce    atomic.Int64  // the prefetch of the newest session
	consuming  atomic.Bool   // the broker has a consumer of ours
	pause      *pause
	cancelOnce sync.Once
	stopOnce   sync.Once
	end        context.CancelFunc
	done       sync.WaitGroup

	// The supervisor's goroutine alone uses what follows.
	missing      bool // the last session did not find the queue
	noAckTimeout bool // the queue takes no AckTimeout
}

// NewConsumer starts consuming in the background and does not block. The consumer must be closed.
// An error is [ErrInvalidConfig].
func (c *Client) NewConsumer(cfg ConsumerConfig) (*Consumer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	k := &Consumer{
		client: c, cfg: cfg,
		cancelled: make(chan struct{}), stopped: make(chan struct{}), resized: make(chan struct{}, 1),
		pause: newPause(cfg.Paused),
	}
	k.wanted.Store(int64(cfg.Prefetch))
	k.inForce.Store(int64(cfg.Prefetch))
	k.supervisor = newSupervisor(&c.cfg, "consume "+cfg.Queue, k.serve)
	ctx, cancel := context.WithCancel(context.Background())
	k.end = cancel
	k.done.Go(func() { k.supervisor.run(ctx) })
	return k, nil
}

// Cancel stops the deliveries: after it returns Deliver is not called again, while deliveries that
// were given before may still be acknowledged. What was acknowledged before is written at once. It
// blocks until the broker has answered or ctx is done, whose error it returns; then Close ends the
// session all the same.
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

// Close writes what was acknowledged, ends the session, which gives every other delivery back to
// the broker, and returns when the consumer's goroutines are gone: at once, or after some 2 s where
// the broker does not answer.
func (k *Consumer) Close() {
	k.end()
	k.done.Wait()
}

// Ready returns nil while the broker has accepted the consumer, or there is a connection and the
// consumer is paused, else an error that is [ErrNotConnected]: there is no connection, no queue, or
// Cancel was called. A change of the prefetch does not count.
func (k *Consumer) Ready() error {
	if err := k.supervisor.ready(); err != nil {
		return fmt.Errorf("queue %s: %w", k.cfg.Queue, err)
	}
	if _, paused, _ := k.pause.state(); !paused && !k.consuming.Load() {
		return fmt.Errorf("queue %s: %w: no consumer", k.cfg.Queue, ErrNotConnected)
	}
	return nil
}

// SetPrefetch changes how many deliveries may be unacknowledged at a time, from here on and over
// sessions; a number outside of 1..65535 counts as the bound next to it. It does not block, and of
// several calls the newest counts.
//
// RabbitMQ does not change a live consumer, so another takes its place, some 20 ms later at most: for
// a round trip or two nothing is delivered, and deliveries that are unacknowledged by then do not
// count towards the new number. Nothing that was under way is lost. A quorum queue may take back what
// was, and gives it out again as redelivered, and before 4.3 in another order; acks are held back
// before a change so that seldom anything is.
func (k *Consumer) SetPrefetch(n int) {
	k.wanted.Store(int64(min(max(n, 1), maxPrefetch)))
	select {
	case k.resized <- struct{}{}:
	default:
	}
}

// Prefetch returns the prefetch in force, that of the newest session: soon after SetPrefetch the
// number that was set.
func (k *Consumer) Prefetch() int { return int(k.inForce.Load()) }
