package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/warrenmq/warren/alerts"
	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/lease"
	"github.com/warrenmq/warren/streams"
)

// live is what a watch looks at again and again: it follows the streams, over connections that it keeps,
// and holds what they add up to. What it holds is bounded by the configuration.
type live struct {
	client   *broker.Client
	cfg      *config.Config
	names    routing.Names
	alerting alerting
	now      func() time.Time
	since    time.Time // from when on history is read
	probe    *broker.DepthProbe
	history  *broker.StreamReader // nil where it is off
	control  *broker.StreamReader
	leader   *leaderFollower // nil without a schedule
	end      context.CancelFunc
	done     sync.WaitGroup

	mu     sync.Mutex
	window *history.Window
	paused control.State
}

// errReading: it is on the way.
var errReading = errors.New("it is being read")

// follow begins to follow everything, and does not block. It must be closed.
func (c *cli) follow(client *broker.Client, cfg *config.Config, alerting alerting) (*live, error) {
	l := &live{
		client: client, cfg: cfg, names: client.Names(), alerting: alerting, now: c.now,
		since: c.now().Add(-alerts.Window), window: newWindow(cfg), probe: client.NewDepthProbe(),
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.end = cancel
	var err error
	if cfg.History.Level != history.Off {
		filter := history.Filter{Since: l.since}
		l.history, err = client.NewStreamReader(broker.StreamConfig{Stream: l.names.History(), From: filter.From(), Deliver: l.takeHistory})
	}
	if err == nil {
		l.control, err = client.NewStreamReader(broker.StreamConfig{Stream: l.names.Control(), Deliver: l.takeControl})
	}
	if err != nil {
		l.close()
		return nil, err
	}
	if len(cfg.Schedules) > 0 {
		l.leader = &leaderFollower{read: make(chan struct{})}
		l.done.Go(func() { _ = client.Follow(ctx, l.names.Lease(), l.leader) })
	}
	return l, nil
}

// close ends it and returns when nothing is followed any more.
func (l *live) close() {
	l.end()
	var ended sync.WaitGroup
	for _, reader := range []*broker.StreamReader{l.history, l.control} {
		if reader != nil {
			ended.Go(reader.Close)
		}
	}
	ended.Go(l.probe.Close)
	ended.Wait()
	l.done.Wait()
}

func (l *live) takeHistory(r streams.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.window.Take(r, l.now())
}

func (l *live) takeControl(r streams.Record) {
	record, err := control.Decode(r)
	if err != nil {
		return // somebody else's
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused.Apply(record)
}

// catchUp blocks until the streams have been read up to now, there is no use in waiting, or ctx is done.
func (l *live) catchUp(ctx context.Context) {
	for _, reader := range []*broker.StreamReader{l.history, l.control} {
		if reader != nil {
			_ = reader.CatchUp(ctx) // look tells what is missing
		}
	}
	if l.leader != nil {
		l.leader.await(ctx)
	}
}

// look tells what is known now. It blocks until RabbitMQ has answered or ctx is done; an error is that it
// has not, and that there is nothing new to tell.
func (l *live) look(ctx context.Context) (*overview, error) {
	var f facts
	var err error
	var asked sync.WaitGroup
	asked.Go(func() { f.depths, err = l.probe.Depths(ctx, allQueues(l.cfg, l.names)...) })
	asked.Go(func() { f.stats, f.statsErr = askStats(ctx, l.client, l.cfg) })
	asked.Wait()
	if err != nil {
		return nil, err
	}
	f.since, f.windowErr, f.controlErr = l.since, behind(l.history), behind(l.control)
	switch {
	case l.history == nil:
		f.windowErr = errHistoryOff
	case errors.Is(f.windowErr, broker.ErrNoQueue):
		f.windowErr = errNoHistory
	}
	if errors.Is(f.controlErr, broker.ErrNoQueue) { // nobody has said anything yet
		f.controlErr = nil
	}
	if l.leader != nil {
		f.leader, f.leaderErr = l.leader.known()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f.at, f.window, f.control = l.now(), l.window, &l.paused
	f.ledAt = f.at
	return f.overview(l.cfg, l.names, l.alerting), nil
}

// behind says why a reader does not know everything: it is not given what comes, or has not read all that there
// was. It is nil where it has, or as much as it can.
func behind(r *broker.StreamReader) error {
	if r == nil {
		return nil
	}
	if err := r.Ready(); err != nil {
		return err
	}
	select {
	case <-r.CaughtUp():
		return nil
	default:
	}
	if r.Unmarkable() != nil {
		return nil
	}
	return errReading
}

// leaderFollower knows who leads, once it has read that.
type leaderFollower struct {
	lease.Observer
	once sync.Once
	read chan struct{} // closed once it is known
}

// CaughtUp takes note that everything has been read.
func (f *leaderFollower) CaughtUp() {
	f.Observer.CaughtUp()
	f.once.Do(func() { close(f.read) })
}

// Lost takes note of the end of a session: where there is no stream, no scheduler has ever run.
func (f *leaderFollower) Lost(reason error) {
	f.Observer.Lost(reason)
	if errors.Is(reason, broker.ErrNoQueue) {
		f.once.Do(func() { close(f.read) })
	}
}

// known returns who leads; the error is errReading. Who may not write to the stream never hears that it was
// read, and sees who leads all the same.
func (f *leaderFollower) known() (lease.Status, error) {
	status := f.Status()
	select {
	case <-f.read:
		return status, nil
	default:
	}
	if !status.Known {
		return status, errReading
	}
	return status, nil
}

func (f *leaderFollower) await(ctx context.Context) {
	select {
	case <-f.read:
	case <-ctx.Done():
	}
}
