package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/streams"
)

// DefaultStreamPrefetch is how many records of a stream may be under way to a reader.
const DefaultStreamPrefetch = 1000

// StreamConfig is what a reader of a stream is made with.
type StreamConfig struct {
	// Stream is the name of the stream. Until it exists the reader tries again.
	Stream string
	// From is where to begin. Defaults to the oldest record that there is.
	From streams.Offset
	// Deliver takes each record from there on, one at a time, in order, each once. While it blocks, at
	// most Prefetch records more are taken from the broker; it may not for as long as the broker's
	// acknowledgement timeout (30 minutes), or the reader has to begin again behind the last record.
	Deliver func(streams.Record)
	// Prefetch is how many records may be under way, 1..65535. Defaults to DefaultStreamPrefetch.
	Prefetch int

	// unmarked says that nothing is appended: how far back now is stays unknown.
	unmarked bool
	// untilNow says that nothing is to be given once the reader has caught up.
	untilNow bool
	// follower has every session begin at From, and is told of each.
	follower streams.Follower
}

func (cfg *StreamConfig) validate() error {
	switch {
	case cfg.Stream == "":
		return fmt.Errorf("%w: stream reader: Stream is empty", ErrInvalidConfig)
	case cfg.Prefetch < 1 || cfg.Prefetch > maxPrefetch:
		return fmt.Errorf("%w: reader of %s: Prefetch: %d is not within 1..%d", ErrInvalidConfig, cfg.Stream, cfg.Prefetch, maxPrefetch)
	case cfg.Deliver == nil:
		return fmt.Errorf("%w: reader of %s: Deliver is nil", ErrInvalidConfig, cfg.Stream)
	}
	return nil
}

// StreamReader follows one stream over a connection of its own, session after session: after a loss it
// goes on behind the last record that it has given. A stream that was deleted, and is there again, it
// reads from From, since its numbers begin anew. Where a node has no replica of the stream it tries
// the client's next URL.
type StreamReader struct {
	client     *Client
	cfg        StreamConfig
	supervisor *supervisor
	marker     string        // the value of the marker that tells how far back now is
	caughtUp   chan struct{} // closed when the marker has come
	marked     chan struct{} // closed when the marker is in the stream, or cannot be
	unmarkable error         // why it cannot be; read it after marked
	following  atomic.Bool   // the broker has a consumer of ours
	end        context.CancelFunc
	done       sync.WaitGroup

	// The supervisor's goroutine alone uses what follows.
	from    streams.Offset // where the next session begins
	marking bool           // a goroutine appends the marker, or has
	pursuit pursuit        // where there is a follower
}

// NewStreamReader begins to follow a stream in the background and does not block. The reader must be
// closed. An error is [ErrInvalidConfig].
func (c *Client) NewStreamReader(cfg StreamConfig) (*StreamReader, error) {
	setDefault(&cfg.Prefetch, DefaultStreamPrefetch)
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := &StreamReader{
		client: c, cfg: cfg, from: cfg.From, marker: uuid.NewString(),
		caughtUp: make(chan struct{}), marked: make(chan struct{}),
	}
	r.supervisor = newSupervisor(&c.cfg, "read "+cfg.Stream, r.serve)
	r.supervisor.filtered = true // nobody can take a record out of a stream that the library cannot read
	ctx, cancel := context.WithCancel(context.Background())
	r.end = cancel
	r.done.Go(func() { r.supervisor.run(ctx) })
	return r, nil
}

// CaughtUp is closed once Deliver has returned from every record that was in the stream when the reader
// began, and was not older than From. To know of it the reader appends a marker, so it needs the
// permission to write to the default exchange; without, the channel stays open, and Unmarkable says so.
func (r *StreamReader) CaughtUp() <-chan struct{} { return r.caughtUp }

// Marked is closed once it is clear whether the channel of CaughtUp will be closed: the marker is in the
// stream, or Unmarkable says why it cannot be. It is closed at the reader's end too.
func (r *StreamReader) Marked() <-chan struct{} { return r.marked }

// CatchUp blocks until CaughtUp is closed, or it is clear that it will not be soon: the user may not read
// the stream ([ErrRefused]), there is none ([ErrNoQueue]), no marker may be appended ([ErrEndUnknown]),
// or ctx is done, whose error it returns with what stands in the way. The reader goes on in any case.
func (r *StreamReader) CatchUp(ctx context.Context) error {
	marked := r.marked
	for {
		c, changed, err := r.supervisor.state()
		if c == nil && (errors.Is(err, ErrNoQueue) || errors.Is(err, ErrRefused)) {
			return err
		}
		select {
		case <-r.caughtUp:
			return nil
		case <-changed:
		case <-marked:
			marked = nil
			if r.unmarkable != nil {
				return fmt.Errorf("read %s: %w: %w", r.cfg.Stream, ErrEndUnknown, r.unmarkable)
			}
		case <-ctx.Done():
			if err := r.Ready(); err != nil {
				return fmt.Errorf("%w: %w", ctx.Err(), err)
			}
			return fmt.Errorf("read %s: %w", r.cfg.Stream, ctx.Err())
		}
	}
}

// Ready returns nil while the broker gives the reader records, else an error that is [ErrNotConnected]
// and says why: [ErrNoQueue] where there is no such stream, [ErrRefused] where the user may not read it.
func (r *StreamReader) Ready() error {
	if err := r.supervisor.ready(); err != nil {
		return fmt.Errorf("stream %s: %w", r.cfg.Stream, err)
	}
	if !r.following.Load() {
		return fmt.Errorf("stream %s: %w: no consumer", r.cfg.Stream, ErrNotConnected)
	}
	return nil
}

// Close ends the reader and returns when its goroutines are gone, after Deliver has returned: then at
// once, or after some 2 s where the broker does not answer.
func (r *StreamReader) Close() {
	r.end()
	r.done.Wait()
}

// serve is one session on one connection.
func (r *StreamReader) serve(ctx context.Context, c *connection) error {
	defer c.closeAfter(ctx, closeTimeout)()
	s, err := r.begin(c)
	if err == nil {
		r.following.Store(true)
		err = r.attend(ctx, s)
		r.following.Store(false)
	}
	if r.cfg.follower != nil {
		r.cfg.follower.Lost(cmp.Or(err, ctx.Err()))
	}
	if err != nil {
		c.abort()
		return fmt.Errorf("read %s: %w", r.cfg.Stream, err)
	}
	c.shut()
	return nil
}

// attend gives records, and has the marker appended beside: one in a reader's life, or one a session
// where there is a follower.
func (r *StreamReader) attend(ctx context.Context, s *streamSession) error {
	switch {
	case r.cfg.follower != nil:
		defer r.pursue(ctx)()
	case !r.marking && !r.cfg.unmarked:
		r.marking = true
		r.done.Go(func() { r.mark(ctx) })
	}
	return r.follow(ctx, s)
}

// streamSession is one channel with one consumer.
type streamSession struct {
	channel *amqp.Channel
	records <-chan amqp.Delivery
	closed  chan *amqp.Error
	cancels chan string // the broker has cancelled the consumer: the stream is gone
}

func (r *StreamReader) begin(c *connection) (*streamSession, error) {
	channel, err := c.Channel()
	if err != nil {
		return nil, err
	}
	s := &streamSession{
		channel: channel,
		closed:  channel.NotifyClose(make(chan *amqp.Error, 1)),
		cancels: channel.NotifyCancel(make(chan string, 1)),
	}
	if err := channel.Qos(r.cfg.Prefetch, 0, false); err != nil {
		return nil, err
	}
	if r.cfg.follower != nil {
		r.from = r.cfg.From
	}
	args := amqp.Table{"x-stream-offset": r.from.Value()}
	s.records, err = channel.Consume(r.cfg.Stream, "warren", false, false, false, false, args)
	switch {
	case isCode(err, amqp.NotFound):
		if strings.Contains(err.Error(), "no queue") { // and not one that is only out of reach
			r.from = r.cfg.From
		}
		return nil, fmt.Errorf("%w: %w", ErrNoQueue, err)
	case isCode(err, amqp.AccessRefused):
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return s, err
}

// streamAckDelay is how long a record may stay unacknowledged while none follows. An ack says nothing
// but that the broker may send more, and that the reader lives.
const streamAckDelay = time.Second

// follow gives records until the session is lost (an error) or ctx is done (nil).
func (r *StreamReader) follow(ctx context.Context, s *streamSession) error {
	var unacked int
	var newest uint64
	timer := time.NewTimer(streamAckDelay)
	defer timer.Stop()
	ack := func() error {
		unacked = 0
		return s.channel.Ack(newest, true)
	}
	for {
		select {
		case d, ok := <-s.records:
			if !ok {
				return s.cause()
			}
			r.take(ctx, &d)
			if newest = d.DeliveryTag; unacked == 0 {
				timer.Reset(streamAckDelay)
			}
			if unacked++; unacked >= max(1, r.cfg.Prefetch/4) {
				if err := ack(); err != nil {
					return err
				}
			}
		case <-timer.C:
			if unacked > 0 {
				if err := ack(); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// cause tells why records ended. The library tells of the cause before it ends them.
func (s *streamSession) cause() error {
	select {
	case err := <-s.closed:
		return closeCause(err)
	case _, open := <-s.cancels:
		if open {
			return fmt.Errorf("%w: %w", ErrNoQueue, errConsumerCancelled)
		}
		return closeCause(<-s.closed)
	}
}

// take gives one delivery where it is a record that is wanted. A chunk may begin before the offset that
// was asked for.
func (r *StreamReader) take(ctx context.Context, d *amqp.Delivery) {
	number, ok := d.Headers["x-stream-offset"].(int64)
	if !ok || ctx.Err() != nil {
		return // a record whose headers cannot be read has no offset, and nothing of ours is so
	}
	offset := uint64(number)
	early := r.from.Before(offset)
	if !early {
		r.from = streams.At(offset + 1)
	}
	r.pursuit.see(offset)
	if marker, ok := d.Headers[streams.HeaderMarker]; ok {
		if marker == r.marker {
			r.reached()
		}
		r.pursuit.reached(marker)
		return
	}
	if early || r.cfg.untilNow && r.hasCaughtUp() {
		return
	}
	delete(d.Headers, "x-stream-offset")
	m := fromDelivery(d)
	r.cfg.Deliver(streams.Record{Offset: offset, Time: m.Timestamp, User: m.UserID, Headers: m.Headers, Body: m.Body})
}

// reached notes that the marker has come, which it may more than once.
func (r *StreamReader) reached() {
	if !r.hasCaughtUp() {
		close(r.caughtUp)
	}
}

func (r *StreamReader) hasCaughtUp() bool {
	select {
	case <-r.caughtUp:
		return true
	default:
		return false
	}
}

// mark appends the reader's marker, and takes note of why it cannot be.
func (r *StreamReader) mark(ctx context.Context) {
	defer close(r.marked)
	r.unmarkable = r.appendMarker(ctx, r.marker)
}

// appendMarker appends a marker, and tries again until it is there or ctx is done; the error is why it may
// not be.
func (r *StreamReader) appendMarker(ctx context.Context, marker string) error {
	waiting := backoff{min: r.client.cfg.BackoffMin, max: r.client.cfg.BackoffMax}
	for {
		err := r.client.appendMarker(ctx, r.cfg.Stream, marker)
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrRefused) || errors.Is(err, ErrClosed) {
			r.supervisor.log.Warn("how far a stream goes cannot be told without the permission to append to it", "error", err)
			return err
		}
		if waiting.wait(ctx) != nil {
			return nil
		}
	}
}

// Unmarkable returns why CaughtUp will never be closed, nil while it may be.
func (r *StreamReader) Unmarkable() error {
	select {
	case <-r.marked:
		return r.unmarkable
	default:
		return nil
	}
}
