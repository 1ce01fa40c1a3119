package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/streams"
)

// controls follows the control stream, and has the queues do what it says.
type controls struct {
	client *broker.Client
	queues []controlled
	clock  clockwork.Clock
	log    *slog.Logger
	reader streamReader
	life   context.Context // bounds what is asked of the broker
	end    context.CancelFunc
	done   sync.WaitGroup

	known atomic.Int64 // revocations that are kept: where there is none, nobody takes the lock
	mu    sync.Mutex
	state control.State

	// acting is held while queues are told of a change, which may wait for their consumers, and those for
	// mu. It is taken before mu.
	acting sync.Mutex
	runs   bool // the queues have been started
}

// controlled is a queue that is told what the control stream says.
type controlled interface {
	name() string
	revoke(id string, why error)
	pause(ctx context.Context) bool
	resume() bool
}

// streamReader follows the stream; broker.StreamReader is one.
type streamReader interface {
	CatchUp(ctx context.Context) error
	CaughtUp() <-chan struct{}
	Marked() <-chan struct{}
	Unmarkable() error
	Ready() error
	Close()
}

// controlPatience is how long a worker waits at its start for what the control stream says. A worker
// that cannot read it runs on without.
const controlPatience = 5 * time.Second

// start begins to follow the stream, and blocks until it has been read up to now, or cannot be soon.
func (c *controls) start(ctx context.Context) error {
	c.life, c.end = context.WithCancel(context.Background())
	reader, err := c.client.NewStreamReader(broker.StreamConfig{Stream: c.client.Names().Control(), Deliver: c.take})
	if err != nil {
		return err
	}
	c.reader = reader
	waiting, cancel := context.WithTimeout(ctx, controlPatience)
	defer cancel()
	if err := reader.CatchUp(waiting); err != nil && ctx.Err() == nil {
		c.log.Warn("what the control stream says is not known; the worker runs on without, and goes on trying", "error", err)
	}
	c.done.Go(c.catchUp)
	return nil
}

// begin says that the queues have been started: from here on they are told of changes. Until then they
// ask.
func (c *controls) begin() {
	c.acting.Lock()
	defer c.acting.Unlock()
	c.runs = true
	c.obeyAll()
}

// close ends the following. Nothing is asked of the queues after it returns.
func (c *controls) close() {
	c.end()
	c.reader.Close()
	c.done.Wait()
}

// upToNow reports whether the stream has been read up to now, or nobody can tell. Until then a pause in
// it may be one that was lifted long ago, and only revocations are acted on.
func (c *controls) upToNow() bool {
	select {
	case <-c.reader.CaughtUp():
		return true
	default:
		return c.reader.Unmarkable() != nil
	}
}

var errBehind = errors.New("the control stream has not been read up to now yet")

// degraded says why the stream is not followed, nil while it is.
func (c *controls) degraded() error {
	err := c.reader.Ready()
	if err == nil {
		err = c.reader.Unmarkable()
	}
	if err == nil && !c.upToNow() {
		err = errBehind
	}
	if err != nil {
		return fmt.Errorf("revocations and pauses may not be known: %w", err)
	}
	return nil
}

// catchUp has the queues obey, once the stream has been read up to now, or nobody can tell, and then
// appends a snapshot where one is due.
func (c *controls) catchUp() {
	for marked := c.reader.Marked(); !c.upToNow(); {
		select {
		case <-c.reader.CaughtUp():
		case <-marked:
			marked = nil
		case <-c.life.Done():
			return
		}
	}
	c.acting.Lock()
	if c.runs {
		c.obeyAll()
	}
	c.acting.Unlock()
	if c.reader.Unmarkable() == nil {
		c.compact()
	}
}

// compact appends a snapshot of what was read up to now, where one is due.
func (c *controls) compact() {
	c.mu.Lock()
	snapshot, due := c.state.Snapshot(c.clock.Now())
	c.mu.Unlock()
	if !due {
		return
	}
	if err := control.Write(c.life, c.client, c.client.Names().Control(), snapshot); err != nil {
		c.log.Debug("no snapshot of the control stream", "error", err) // the next who reads it does it
	}
}

// take takes a record of the stream.
func (c *controls) take(entry streams.Record) {
	r, err := control.Decode(entry)
	if err != nil {
		c.log.Warn("a record of the control stream is passed over", "error", err)
		return
	}
	c.acting.Lock()
	defer c.acting.Unlock()
	c.apply(r)
	if !c.runs {
		return
	}
	if r.Kind != control.Revoke {
		c.obeyAll()
	} else if revoked := c.revoked(r.ID); revoked != nil {
		for _, q := range c.queues {
			q.revoke(r.ID, revoked)
		}
	}
}

func (c *controls) apply(r control.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Apply(r)
	c.known.Store(int64(c.state.Size()))
}

// obeyAll has the queues pause or go on. The caller holds acting.
func (c *controls) obeyAll() {
	for _, q := range c.queues {
		pause, paused := c.paused(q.name())
		switch {
		case paused && q.pause(c.life):
			c.log.Warn("queue is paused", "queue", q.name(), "by", pause.By, "at", pause.At, "reason", pause.Reason)
		case !paused && q.resume():
			c.log.Info("queue is resumed", "queue", q.name())
		}
	}
}

// pausedAtStart reports whether a queue is to begin without being consumed.
func (c *controls) pausedAtStart(q *queue) bool {
	pause, paused := c.paused(q.cfg.Name)
	if paused {
		q.log.Warn("queue is paused and not consumed", "by", pause.By, "at", pause.At, "reason", pause.Reason)
	}
	return paused
}

// paused returns the pause of a queue, none until the stream has been read up to now.
func (c *controls) paused(queue string) (control.Record, bool) {
	if !c.upToNow() {
		return control.Record{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Paused(queue)
}

// revoked returns why a task is revoked, nil where it is not.
func (c *controls) revoked(id string) error {
	if c.known.Load() == 0 || id == "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, is := c.state.Revoked(id, c.clock.Now()); is {
		return r.Err()
	}
	return nil
}
