package broker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

// publisher publishes with confirms over one supervised connection. One goroutine writes, so that
// a caller waits within its own context even where the socket does not take what is written.
type publisher struct {
	cfg        *Config
	supervisor *supervisor
	queue      chan *publication
	held       *publication // taken from the queue and not sent when a session ended; the writer's own
	limits     atomic.Pointer[limits]
	closed     chan struct{} // closed: nothing is sent any more
}

// limits is what the broker takes, in bytes, as far as is known.
type limits struct {
	body, frame int
}

// publication is one message on its way.
type publication struct {
	exchange, key string
	message       amqp.Publishing

	state atomic.Int32
	done  chan error // takes the one result

	// What follows is the session's, under its lock.
	place        uint64 // in the order of publishing
	returned     bool
	confirmation *amqp.DeferredConfirmation // nil until it is written
}

// The states of a publication. Whoever moves it from queued decides: the writer to sent, the
// caller whose context has ended to abandoned.
const (
	stateQueued int32 = iota
	stateSent
	stateAbandoned
)

func newPublisher(cfg *Config) *publisher {
	p := &publisher{cfg: cfg, queue: make(chan *publication, cfg.Window), closed: make(chan struct{})}
	p.supervisor = newSupervisor(cfg, "publish", p.serve)
	return p
}

// run publishes until ctx is done. What is queued then, or will be, fails with ErrClosed.
func (p *publisher) run(ctx context.Context) {
	defer close(p.closed)
	p.supervisor.run(ctx)
}

// publish publishes a message and blocks until the broker has confirmed it or ctx is done. The
// errors are [*PublishError].
func (p *publisher) publish(ctx context.Context, m *tasks.Message) error {
	pub, err := p.submit(ctx, m)
	if err == nil {
		err = p.wait(ctx, pub)
	}
	if err == nil {
		return nil
	}
	return &PublishError{ID: m.MessageID, Exchange: m.Exchange, Key: m.RoutingKey, Err: err}
}

// submit checks a message and queues it for the writer.
func (p *publisher) submit(ctx context.Context, m *tasks.Message) (*publication, error) {
	message, err := toPublishing(m)
	if err != nil {
		return nil, err
	}
	if has := p.limits.Load(); has != nil {
		if len(m.Body) > has.body {
			return nil, fmt.Errorf("%w: a payload of %d bytes, the broker takes %d", ErrTooLarge, len(m.Body), has.body)
		}
		if size := headerFrameBytes(&message); size > has.frame {
			return nil, fmt.Errorf("%w: headers of %d bytes, one frame takes %d", ErrTooLarge, size, has.frame)
		}
	}
	pub := &publication{
		exchange: m.Exchange, key: m.RoutingKey, message: message, done: make(chan error, 1),
	}
	select {
	case p.queue <- pub:
		return pub, nil
	case <-p.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, p.unsent(ctx)
	}
}

// wait blocks until a publication has its result or ctx is done.
func (p *publisher) wait(ctx context.Context, pub *publication) error {
	closed := false
	select {
	case err := <-pub.done:
		return err
	case <-ctx.Done():
	case <-p.closed:
		closed = true
	}
	if pub.state.CompareAndSwap(stateQueued, stateAbandoned) {
		if closed {
			return ErrClosed
		}
		return p.unsent(ctx)
	}
	select { // the result may have come in the same moment; a session's end has brought it
	case err := <-pub.done:
		return err
	default:
	}
	if c, _, _ := p.supervisor.state(); c != nil && c.blocked.Load() {
		return fmt.Errorf("%w, %w: %w", ErrUnconfirmed, ErrBlocked, ctx.Err())
	}
	return fmt.Errorf("%w: %w", ErrUnconfirmed, ctx.Err())
}

// unsent tells why a message was not sent before ctx was done.
func (p *publisher) unsent(ctx context.Context) error {
	c, _, err := p.supervisor.state()
	switch {
	case c == nil && err != nil:
		return fmt.Errorf("%w: %w: %w", ErrNotConnected, ctx.Err(), err)
	case c == nil:
		return fmt.Errorf("%w: %w", ErrNotConnected, ctx.Err())
	case c.blocked.Load():
		return fmt.Errorf("%w: %w", ErrBlocked, ctx.Err())
	default:
		return fmt.Errorf("not sent: %w", ctx.Err())
	}
}

// serve publishes over one connection until it is lost or ctx is done; then it waits for the
// confirms that are still to come, and closes the connection. A channel that the broker closes over
// one message is replaced at once, without making the other publishers wait for a connection.
func (p *publisher) serve(ctx context.Context, c *connection) error {
	defer c.closeAfter(ctx, flushTimeout+closeTimeout)()
	p.learn(c)
	blocking := c.NotifyBlocked(make(chan amqp.Blocking, 8))
	for {
		s, err := newPublishSession(p, c, blocking)
		if err != nil {
			c.abort()
			return fmt.Errorf("open a publishing channel: %w", err)
		}
		go s.watch()
		err = s.write(ctx)
		if s.channel.IsClosed() && !c.IsClosed() && ctx.Err() == nil {
			s.await()
			p.supervisor.log.Warn("RabbitMQ has closed the publishing channel, there will be another", "error", s.cause)
			continue
		}
		if c.blocked.Load() || c.IsClosed() {
			c.abort() // a clean close would wait for a broker that does not read, or is gone
		} else {
			c.shut()
		}
		s.await()
		return errors.Join(err, s.cause)
	}
}

// learn notes what the broker of a connection takes. A limit that a broker has told itself stands.
func (p *publisher) learn(c *connection) {
	has := limits{body: p.cfg.MaxMessageBytes, frame: c.Config.FrameSize}
	if known := p.limits.Load(); known != nil {
		has.body = known.body
	} else if has.body == 0 {
		has.body = defaultMaxMessageBytes(c.version)
	}
	p.limits.Store(&has)
}
