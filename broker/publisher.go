package broker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

// publisher publishes with confirms over one supervised connection. One goroutine writes, so that
// a caller waits within its own context even where the socket does not take what is written; a caller
// that finds it with nothing to do writes for itself what the socket takes at once.
type publisher struct {
	cfg        *Config
	supervisor *supervisor
	queue      chan *publication              // each with those that were submitted with it
	held       *publication                   // taken from the queue and not sent yet; the writer's own
	direct     atomic.Pointer[publishSession] // the one that callers may write to, nil where there is none
	limits     atomic.Pointer[limits]
	closed     chan struct{} // closed: nothing is sent any more
}

// queueLength is how many submissions wait for the writer, in the order in which they came; who
// comes then waits in that order too. It is short, so that nobody is far behind one who publishes
// many.
const queueLength = 64

// limits is what the broker takes, in bytes, as far as is known.
type limits struct {
	body, frame int
}

// publication is one message on its way. It can be used again once it has been received from done.
type publication struct {
	exchange, key string
	message       amqp.Publishing
	small         bool         // its caller may write it
	slot, index   int          // its submitter's own
	next          *publication // submitted with it, to be sent after it

	state  atomic.Int32
	result error             // what became of it; read it after done
	done   chan *publication // takes it, once, when it has its result; there is room for it

	// What follows is the session's, under its lock.
	place        uint64 // in the order of publishing
	returned     bool
	confirmation *amqp.DeferredConfirmation // nil until it is written
}

// The states of a publication. Whoever moves it from queued decides: the writer to sent, the
// caller that does not wait any longer to abandoned.
const (
	stateQueued int32 = iota
	stateSent
	stateAbandoned
)

func newPublisher(cfg *Config) *publisher {
	p := &publisher{cfg: cfg, queue: make(chan *publication, queueLength), closed: make(chan struct{})}
	p.supervisor = newSupervisor(cfg, "publish", p.serve)
	return p
}

// run publishes until ctx is done. What is queued then, or will be, fails with ErrClosed.
func (p *publisher) run(ctx context.Context) {
	defer close(p.closed)
	p.supervisor.run(ctx)
}

// publish publishes a message and blocks until the broker has confirmed it, ctx is done, PublishTimeout
// is over, or while is done before it is sent. The errors are [*PublishError].
func (p *publisher) publish(ctx, while context.Context, m *tasks.Message) error {
	pub := &publication{done: make(chan *publication, 1)}
	err := p.prepare(pub, m)
	if err == nil {
		err = p.await(ctx, while, pub)
	}
	return publishError(m.MessageID, m.Exchange, m.RoutingKey, p.cfg.tally.published(err))
}

// publishError returns what became of a message as an error of Publish, nil where it went well.
func publishError(id, exchange, key string, err error) error {
	if err == nil {
		return nil
	}
	return &PublishError{ID: id, Exchange: exchange, Key: key, Err: err}
}

// prepare checks a message and makes it a publication's, to be submitted.
func (p *publisher) prepare(pub *publication, m *tasks.Message) error {
	message, err := toPublishing(m)
	if err != nil {
		return err
	}
	headers := headerFrameBytes(&message)
	if has := p.limits.Load(); has != nil {
		if len(m.Body) > has.body {
			return fmt.Errorf("%w: a payload of %d bytes, the broker takes %d", ErrTooLarge, len(m.Body), has.body)
		}
		if headers > has.frame {
			return fmt.Errorf("%w: headers of %d bytes, one frame takes %d", ErrTooLarge, headers, has.frame)
		}
	}
	pub.small = headers+len(m.Body) <= directMax
	pub.exchange, pub.key, pub.message = m.Exchange, m.RoutingKey, message
	pub.next, pub.result = nil, nil
	pub.place, pub.returned, pub.confirmation = 0, false, nil
	pub.state.Store(stateQueued)
	return nil
}

// await submits a publication and waits until it has its result, ctx is done, PublishTimeout is
// over, or while is done before it is sent.
func (p *publisher) await(ctx, while context.Context, pub *publication) error {
	if err := while.Err(); err != nil {
		return p.unsent(err)
	}
	timeout := time.NewTimer(p.cfg.PublishTimeout)
	defer timeout.Stop()
	queue, unwanted := p.queue, while.Done()
	direct := p.sendDirect(pub)
	confirmed := direct.confirmed()
	if pub.state.Load() == stateSent {
		queue = nil
	}
	defer func() {
		if confirmed != nil {
			direct.leave()
		}
	}()
	for {
		select {
		case queue <- pub:
			queue = nil
		case <-confirmed:
			confirmed = nil
			direct.settle() // or the session's end does
		case <-pub.done:
			return pub.result
		case <-p.closed:
			return p.giveUp(pub, ErrClosed)
		case <-unwanted:
			if p.abandon(pub) {
				return p.unsent(while.Err())
			}
			unwanted = nil // it was sent, and is awaited
		case <-ctx.Done():
			return p.giveUp(pub, ctx.Err())
		case <-timeout.C:
			return p.giveUp(pub, context.DeadlineExceeded)
		}
	}
}

// giveUp abandons a publication unless it was sent, and tells what is known of it.
func (p *publisher) giveUp(pub *publication, cause error) error {
	if p.abandon(pub) {
		return p.unsent(cause)
	}
	select { // the result may have come in the same moment; a session's end has brought it
	case <-pub.done:
		return pub.result
	default:
		return p.unconfirmed(cause)
	}
}

// abandon keeps a publication from being sent, and frees its message; the rest of it stays with the
// writer until that comes to it. It returns false where the publication was sent.
func (p *publisher) abandon(pub *publication) bool {
	if !pub.state.CompareAndSwap(stateQueued, stateAbandoned) {
		return false
	}
	pub.message = amqp.Publishing{}
	return true
}

// unsent tells why a message was not sent when its caller gave up: closed, or its context ended.
func (p *publisher) unsent(cause error) error {
	c, _, err := p.supervisor.state()
	switch {
	case errors.Is(cause, ErrClosed):
		return cause
	case c == nil && err != nil:
		return fmt.Errorf("%w: %w: %w", ErrNotConnected, cause, err)
	case c == nil:
		return fmt.Errorf("%w: %w", ErrNotConnected, cause)
	case c.blocked.Load():
		return fmt.Errorf("%w: %w", ErrBlocked, cause)
	default:
		return fmt.Errorf("not sent: %w", cause)
	}
}

// unconfirmed tells of a message that was sent and whose caller gave up.
func (p *publisher) unconfirmed(cause error) error {
	if c, _, _ := p.supervisor.state(); c != nil && c.blocked.Load() {
		return fmt.Errorf("%w, %w: %w", ErrUnconfirmed, ErrBlocked, cause)
	}
	return fmt.Errorf("%w: %w", ErrUnconfirmed, cause)
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
		if err == nil && s.isRetired() && !c.IsClosed() && !c.blocked.Load() && ctx.Err() == nil {
			s.shut()
			p.supervisor.log.Warn("RabbitMQ refuses messages, another publishing channel takes the place of this one")
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
