package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

const (
	// actWithin bounds the time from the first task published to the last one accounted for.
	actWithin = 60 * time.Second
	showEvery = 100 * time.Millisecond
	lookEvery = time.Second
)

var (
	// errNotBalanced is a demo that came to its end with tasks that are not where they should be.
	errNotBalanced = errors.New("not every task is where it should be")
	// errInterrupted is a demo whose context ended before its report.
	errInterrupted = errors.New("interrupted")
)

// demo is one demo from the search for a broker to the report.
type demo struct {
	bin  binaries
	stay bool // go on after the report, until the context ends
	out  *os.File

	venue    venue
	stage    *stage
	kinds    []*kind // what is published; the ticks of the scheduler last
	ledger   *ledger
	reported bool
	live     atomic.Bool // runs are shown instead of noted
}

// run finds a broker and runs the demo on it. Once there is a report the broker is left as it is,
// for a look at its console; one that was started here is closed where ctx ended before.
func (d *demo) run(ctx context.Context) error {
	if err := d.bin.check(); err != nil {
		return err
	}
	if err := brokertest.CloseDetached(ctx, d.out); err != nil { // of an earlier demo
		return unlessInterrupted(ctx, err)
	}
	b, err := brokertest.Find(ctx, brokertest.Options{Out: d.out, In: os.Stdin})
	if err != nil {
		return unlessInterrupted(ctx, err)
	}
	fmt.Fprintln(d.out, "RabbitMQ:", b.Source)
	err = d.runOn(ctx, b)
	return errors.Join(err, d.leave(ctx, b))
}

// unlessInterrupted returns an error, or errInterrupted where it follows from that.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// runOn runs the demo on a broker. When it returns, nothing runs any more that it started.
func (d *demo) runOn(ctx context.Context, b *brokertest.Broker) (err error) {
	if d.venue, err = openVenue(ctx, b, d.bin.config, d.out); err != nil {
		return unlessInterrupted(ctx, err)
	}
	d.kinds, d.ledger = kinds(), newLedger()
	if d.stage, err = openStage(ctx, d.venue, d.bin, d.observe); err != nil {
		return unlessInterrupted(ctx, err)
	}
	defer func() { err = d.stage.close(ctx, err) }()
	result, err := d.act(ctx)
	if result == nil {
		return unlessInterrupted(ctx, err)
	}
	d.reported = true
	d.report(result, err)
	switch {
	case err != nil:
		return err
	case !result.holds():
		return errNotBalanced
	case d.stay:
		return d.trickle(ctx)
	}
	return nil
}

// leave closes a broker that was started here, or lets it run on, and says what is left.
func (d *demo) leave(ctx context.Context, b *brokertest.Broker) error {
	if b.Flavour == brokertest.Found {
		if d.venue.url != "" {
			fmt.Fprintf(d.out, "\nLeft on RabbitMQ: %s. `make clean-demo` removes it.\n", d.venue)
		}
		return nil
	}
	if !d.reported || ctx.Err() != nil {
		return b.Close()
	}
	if err := b.Detach(ctx); err != nil {
		return errors.Join(err, b.Close())
	}
	fmt.Fprintf(d.out, "\nRabbitMQ runs on, so that you can look at it: %s. `make clean-demo` removes it.\n", b.Source)
	return nil
}

// observe takes a run from the web service.
func (d *demo) observe(r run) {
	if d.live.Load() {
		fmt.Fprintln(d.out, r)
		return
	}
	d.ledger.record(r)
}

// act publishes all tasks, waits until each is accounted for or the time is over, and returns the
// balance. Unless the demo stays, the processes are stopped then, the scheduler before the last
// count and the worker after it. An error without a balance is a demo that did not come to its end;
// one beside it is a process that did not end well.
func (d *demo) act(ctx context.Context) (*balance, error) {
	limited, cancel := context.WithTimeout(ctx, actWithin)
	defer cancel()
	if err := d.publishAndAwait(limited); err != nil && !isLate(ctx, limited) {
		return nil, err
	}
	var ended error
	if !d.stay {
		ended = d.stage.scheduler.stop()
	}
	if err := d.noteTicks(); err != nil {
		return nil, err
	}
	if err := d.await(limited, noProgress{}); err != nil && !isLate(ctx, limited) {
		return nil, err
	}
	if isLate(ctx, limited) {
		fmt.Fprintf(d.out, "Not every task was accounted for within %s.\n", actWithin)
	}
	if !d.stay {
		ended = errors.Join(ended, d.stage.worker.stop())
	}
	if err := d.look(ctx); err != nil {
		return nil, err
	}
	result := d.ledger.balance()
	if !d.stay {
		if err := d.findRemaining(ctx, result); err != nil {
			return nil, err
		}
	}
	return result, ended
}

// findRemaining notes the tasks that a worker which has ended left in its queues.
func (d *demo) findRemaining(ctx context.Context, b *balance) error {
	for _, q := range d.stage.config.Queues {
		depth, err := d.stage.client.Depth(ctx, q.Name)
		if err != nil {
			return err
		}
		if depth.Ready > 0 {
			b.findings = append(b.findings, fmt.Sprintf("%d tasks are left in %s", depth.Ready, q.Name))
		}
	}
	return nil
}

// isLate reports whether it is the time that was over and not the user who stopped.
func isLate(ctx, limited context.Context) bool { return ctx.Err() == nil && limited.Err() != nil }

// publishAndAwait publishes all tasks and waits until each is accounted for: first those at once,
// then the delayed ones.
func (d *demo) publishAndAwait(ctx context.Context) error {
	atOnce, delayed := plan(d.kinds)
	total := len(atOnce) + len(delayed)
	fmt.Fprintf(d.out, "Publishing %d tasks, the delayed ones when the others are done.\n", total)
	shown := newProgress(d.out, total)
	defer shown.close()
	if err := d.publishAll(ctx, atOnce, publishers, shown); err != nil {
		return err
	}
	if err := d.await(ctx, shown); err != nil {
		return err
	}
	if err := d.publishAll(ctx, delayed, delayedPublishers, shown); err != nil {
		return err
	}
	return d.await(ctx, shown)
}

// noteTicks notes the tasks that the scheduler has emitted as published.
func (d *demo) noteTicks() error {
	ticks, err := d.stage.emitted()
	if err != nil {
		return err
	}
	byEntry := map[string]*kind{}
	for _, entry := range d.stage.config.Schedules {
		k := &kind{name: "tick of " + entry.Name, key: entry.Key, ends: done}
		byEntry[entry.Name] = k
		d.kinds = append(d.kinds, k)
	}
	for _, t := range ticks {
		k := byEntry[t.Entry]
		if k == nil {
			return fmt.Errorf("the scheduler emitted a tick of %q, which warren.yaml does not know", t.Entry)
		}
		d.ledger.publish(t.ID, k, t.ScheduledFor)
	}
	return nil
}

// await blocks until every published task is accounted for, and shows how many are. It returns an
// error when ctx ends or a process does.
func (d *demo) await(ctx context.Context, shown progress) error {
	ticker := time.NewTicker(showEvery)
	defer ticker.Stop()
	var looked time.Time
	for {
		settled, published := d.ledger.settled()
		shown.show(settled, published)
		if settled == published {
			return nil
		}
		if err := d.stage.alive(); err != nil {
			return err
		}
		if time.Since(looked) >= lookEvery {
			if err := d.look(ctx); err != nil {
				return err
			}
			looked = time.Now()
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// look notes what lies in the dead-letter queues and in the unrouted queue.
func (d *demo) look(ctx context.Context) error {
	client := d.stage.client
	deadLetters := map[string]tasks.Reason{}
	for _, q := range d.stage.config.Queues {
		err := client.Browse(ctx, routing.DeadQueue(q.Name), 0, func(m tasks.Message) bool {
			reason, _ := m.Headers[tasks.HeaderDeadReason].(string)
			deadLetters[m.MessageID] = tasks.Reason(reason)
			return true
		})
		if err != nil {
			return err
		}
	}
	parkedTasks := map[string]bool{}
	err := client.Browse(ctx, client.Names().Unrouted(), 0, func(m tasks.Message) bool {
		parkedTasks[m.MessageID] = true
		return true
	})
	if err != nil {
		return err
	}
	d.ledger.find(deadLetters, parkedTasks)
	return nil
}
