package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/warrenmq/warren/alerts"
	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/lease"
)

// windowLimits bound what one look reads of the history: some hundred thousand events.
var windowLimits = history.Limits{Time: 2 * time.Second, Bytes: 64 << 20}

// gather asks for the facts once. An error is that of the depths, without which there is nothing to tell.
func (c *cli) gather(ctx context.Context, client *broker.Client, cfg *config.Config) (*facts, error) {
	f := &facts{window: newWindow(cfg)}
	var err error
	var asked sync.WaitGroup
	asked.Go(func() { f.depths, err = client.Depths(ctx, allQueues(cfg, client.Names())...) })
	asked.Go(func() { f.stats, f.statsErr = askStats(ctx, client, cfg) })
	asked.Go(func() { f.control, f.controlErr = c.workersState(ctx, client) })
	asked.Go(func() { f.since, f.windowErr = c.readWindow(ctx, client, cfg, f.window) })
	asked.Go(func() {
		leader, err := readLeader(ctx, client, cfg)
		f.led(leader, err, c.now())
	})
	asked.Wait()
	f.at = c.now()
	return f, err
}

// settle is how long a worker or a scheduler may be away.
const settle = time.Second

// gatherAgain asks again for what is critical where it is missing.
func (c *cli) gatherAgain(ctx context.Context, client *broker.Client, cfg *config.Config, f *facts) error {
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	var err error
	var asked sync.WaitGroup
	asked.Go(func() { f.depths, err = client.Depths(ctx, allQueues(cfg, client.Names())...) })
	asked.Go(func() {
		leader, err := readLeader(ctx, client, cfg)
		f.led(leader, err, c.now())
	})
	asked.Wait()
	f.at = c.now()
	return err
}

// allQueues are those whose depths are told.
func allQueues(cfg *config.Config, names routing.Names) []string {
	all := []string{names.Unrouted()}
	for _, q := range cfg.Queues {
		all = append(all, q.Name, routing.DeadQueue(q.Name))
	}
	return all
}

// newWindow returns an empty window of the configured queues.
func newWindow(cfg *config.Config) *history.Window {
	var queues []string
	for _, q := range cfg.Queues {
		queues = append(queues, q.Name)
	}
	return history.NewWindow(alerts.Window, windowStep, queues...)
}

// askStats asks the management API, where it is configured.
func askStats(ctx context.Context, client *broker.Client, cfg *config.Config) (map[string]broker.QueueStats, error) {
	if cfg.Broker.Management == "" {
		return nil, nil
	}
	known, err := client.QueueStats(ctx)
	stats := make(map[string]broker.QueueStats, len(known))
	for _, q := range known {
		stats[q.Name] = q
	}
	return stats, err
}

// readWindow reads the last minutes of the history.
func (c *cli) readWindow(ctx context.Context, from history.StreamReader, cfg *config.Config, w *history.Window) (since time.Time, err error) {
	if cfg.History.Level == history.Off {
		return time.Time{}, errHistoryOff
	}
	names := routing.Names{Prefix: cfg.Broker.Prefix}
	since, err = w.Read(ctx, from, names.History(), windowLimits)
	switch {
	case errors.Is(err, broker.ErrEndUnknown): // what there is was read until nothing came
		err = nil
	case errors.Is(err, broker.ErrNoQueue):
		err = errNoHistory
	}
	return since, err
}

// readLeader reads who leads, where there is a schedule.
func readLeader(ctx context.Context, from lease.Watcher, cfg *config.Config) (lease.Status, error) {
	if len(cfg.Schedules) == 0 {
		return lease.Status{}, nil
	}
	names := routing.Names{Prefix: cfg.Broker.Prefix}
	status, err := lease.Read(ctx, from, names.Lease())
	if errors.Is(err, broker.ErrNoQueue) { // no scheduler has ever run
		err = nil
	}
	return status, err
}
