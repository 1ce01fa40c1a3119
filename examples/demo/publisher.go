package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/tasks"
)

const (
	// publishers is how many tasks wait for their confirms at once; delayedPublishers is how many
	// delayed ones do, whose lateness shall not tell of a rush at the entrance.
	publishers        = 64
	delayedPublishers = 4
	// trickleFrom and trickleTo bound the time between two tasks of a demo that stays.
	trickleFrom = 500 * time.Millisecond
	trickleTo   = 1500 * time.Millisecond
)

// publishAll publishes tasks in their order, a number of them at once, and shows the progress.
func (d *demo) publishAll(ctx context.Context, all []publication, atOnce int, shown progress) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, p := range all {
		if ctx.Err() != nil {
			break
		}
		if i%publishers == 0 {
			shown.show(d.ledger.settled())
		}
		group.Go(func() error { return d.publish(ctx, p) })
	}
	return group.Wait()
}

// publish publishes one task through its entrance.
func (d *demo) publish(ctx context.Context, p publication) error {
	now := time.Now()
	if p.delay > 0 {
		p.task.NotBefore = now.Add(p.delay)
	}
	d.ledger.publish(p.task.ID, p.kind, now)
	client := d.stage.client
	var err error
	switch p.kind.through {
	case strict:
		_, err = client.Enqueue(ctx, p.task)
	case public:
		_, err = client.Public().Enqueue(ctx, p.task)
	case foreign:
		err = client.Publish(ctx, tasks.Message{
			Exchange: client.Names().Tasks(), RoutingKey: p.task.Key, MessageID: p.task.ID,
			Headers: map[string]any{tasks.HeaderAttempt: "many"}, Body: p.task.Payload,
		})
	}
	return err
}

// trickle publishes a task of some kind now and then until ctx ends, which is no error.
func (d *demo) trickle(ctx context.Context) error {
	fmt.Fprintln(d.out, "\nTasks keep coming; each run is shown. Ctrl-C ends it.")
	d.live.Store(true)
	all := kinds()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := d.stage.alive(); err != nil {
			return err
		}
		if err := d.publish(ctx, all[rand.N(len(all))].publication(n)); err != nil && ctx.Err() == nil {
			fmt.Fprintln(d.out, err)
		}
		timer.Reset(trickleFrom + rand.N(trickleTo-trickleFrom))
	}
}
