package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// Client is a publisher to, and the maker of consumers of, one RabbitMQ virtual host. It is safe
// for use by any number of goroutines. It keeps one connection for publishing, which comes back
// after every loss; each consumer keeps one of its own, since a broker that blocks publishers does
// so by the connection. It declares nothing by itself.
type Client struct {
	cfg        Config
	names      routing.Names
	user       string
	version    routing.Version
	publisher  *publisher
	management *management
	replies    *replies

	closing sync.Once
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// Connect returns a client with its first connection made. It blocks until then, trying the nodes
// in turn, until ctx is done (the error is [ErrNotConnected]) or the broker has refused the
// credentials or the virtual host (the error is [ErrRefused]). A bad configuration is
// [ErrInvalidConfig].
func Connect(ctx context.Context, cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, names: routing.Names{Prefix: cfg.Prefix}}
	c.publisher = newPublisher(&c.cfg)
	c.management = newManagement(&c.cfg)
	c.replies = newReplies(c)
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	c.done.Go(func() { c.publisher.run(life) })
	conn, err := c.publisher.supervisor.await(ctx)
	if err != nil {
		c.cancel()
		c.done.Wait()
		return nil, err
	}
	c.user, c.version = conn.user, conn.version
	c.publisher.learn(conn) // the first publish may be sooner than the session
	return c, nil
}

// Close stops publishing, waits for the confirms that are still to come (at most 5 s), closes the
// connection (at most 2 s more where the broker does not answer) and returns when the client's
// goroutines are gone. What is queued and was not sent fails with [ErrClosed], and so does each
// [Client.EnqueueAndWait], whose reply queue is deleted before (some 4 s at most where the broker does
// not answer). Consumers are closed by who made them, before. A second call waits for the first.
func (c *Client) Close() {
	c.closing.Do(func() {
		c.replies.close()
		c.cancel()
		c.done.Wait()
	})
}

// Ready returns nil while the publishing connection is up and the broker takes messages, else an
// error that is [ErrNotConnected] or [ErrBlocked].
func (c *Client) Ready() error {
	conn, _, err := c.publisher.supervisor.state()
	switch {
	case conn == nil && err != nil:
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	case conn == nil:
		return ErrNotConnected
	case conn.blocked.Load():
		return ErrBlocked
	}
	return nil
}

// Names returns the internal names of the client's prefix.
func (c *Client) Names() routing.Names { return c.names }

// Version returns the version of the broker that the client first connected to.
func (c *Client) Version() routing.Version { return c.version }

// Vhost returns the virtual host that the client's first URL names.
func (c *Client) Vhost() string { return c.management.vhost }

// User returns the user that the broker knows the client as, empty where a client certificate
// decides it.
func (c *Client) User() string { return c.user }

// Publish publishes a message as it is, persistent and mandatory, to its exchange and routing key,
// and blocks until the broker has confirmed it, ctx is done, or PublishTimeout is over. The errors
// are [*PublishError]; see this package's errors for what each leaves open.
func (c *Client) Publish(ctx context.Context, m tasks.Message) error {
	return c.publisher.publish(ctx, context.Background(), &m)
}

// PublishWhile is [Client.Publish] for a message that is of use only as long as the context while is
// not done: once it is, the message is not sent any more. One that was sent before is awaited all
// the same, so that its fate is known.
func (c *Client) PublishWhile(ctx, while context.Context, m tasks.Message) error {
	return c.publisher.publish(ctx, while, &m)
}

// withChannel calls f with a channel on a connection of its own, and closes both. Calls that the
// broker does not answer end with ctx; where the connection was lost meanwhile the error is
// ErrNotConnected. newChannel gives f another channel after the broker has closed the one before. It
// reads messages through a headerFilter.
func (c *Client) withChannel(ctx context.Context, purpose string, f func(newChannel func() (*amqp.Channel, error)) error) error {
	conn, err := dialAny(ctx, &c.cfg, c.cfg.nodes.first(), purpose, true)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	_, err = conn.within(ctx, func() error { return f(conn.Channel) })
	conn.shut()
	return err
}

// within calls f, which asks over the connection. What the broker does not answer ends with ctx, and with
// it the connection: then it was not in time. Where the connection was lost meanwhile the error is
// ErrNotConnected.
func (c *connection) within(ctx context.Context, f func() error) (inTime bool, err error) {
	stop := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	err = f()
	inTime = stop()
	switch {
	case err == nil:
	case !inTime:
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	case isLoss(err) && (c.IsClosed() || isOfSocket(err)):
		err = fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	return inTime, err
}

// isOfSocket reports whether a read or a write has failed; the library may not have closed the
// connection yet.
func isOfSocket(err error) bool {
	var opErr *net.OpError
	return errors.As(err, &opErr)
}

// isLoss reports whether an error that came with a closed connection is the loss of it, and not the
// broker's way of refusing something: a broker that stops says ConnectionForced.
func isLoss(err error) bool {
	var amqpErr *amqp.Error
	return !errors.As(err, &amqpErr) || !amqpErr.Server || amqpErr.Code == amqp.ConnectionForced
}
