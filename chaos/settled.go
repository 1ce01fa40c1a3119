package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

const (
	lookEvery = 300 * time.Millisecond
	// quietLooks is how often in a row nothing may be found under way before that is believed: a task
	// can be between two queues.
	quietLooks = 3
	// patience is how long a run waits without seeing anything move before the checker has to say
	// what is missing. A queue of RabbitMQ 3.10 was seen without a leader for minutes.
	patience = 240 * time.Second
)

// await blocks until every task has ended and nothing is under way, or nothing has moved for as
// long as patience lasts.
func (f *field) await(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	quiet := 0
	moved, seen := time.Now(), ""
	for quiet < quietLooks {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		left, err := f.underWay(ctx)
		if err != nil {
			left = err.Error() // the broker has just been restarted
		}
		if left == "" {
			quiet++
			continue
		}
		quiet = 0
		if left != seen {
			moved, seen = time.Now(), left
		}
		if time.Since(moved) > patience {
			fmt.Fprintf(f.log, "nothing has moved for %s: %s\n", patience, left)
			return ctx.Err()
		}
	}
	return nil
}

// underWay tells what is not at its end, empty where nothing is. What costs more is asked last.
func (f *field) underWay(ctx context.Context) (string, error) {
	if err := f.ledger.read(); err != nil {
		return "", err
	}
	if n := f.unfinished(); n > 0 {
		return fmt.Sprintf("%d runs have not ended", n), nil
	}
	if n := f.missing(done, func(id string) bool { _, is := f.ledger.done[id]; return is }); n > 0 {
		return fmt.Sprintf("%d tasks are not done", n), nil
	}
	depths, err := readyDepths(ctx, f.client, orderedQueue, ticksQueue)
	if err != nil {
		return "", err
	}
	for queue, n := range depths {
		if n > 0 {
			return fmt.Sprintf("%d messages are in %s", n, queue), nil
		}
	}
	if err := f.look(ctx); err != nil {
		return "", err
	}
	letters := map[string]bool{}
	for _, l := range f.evidence.letters {
		letters[l.id] = true
	}
	if n := f.missing(dead, func(id string) bool { return letters[id] }); n > 0 {
		return fmt.Sprintf("%d tasks are not dead", n), nil
	}
	if n := f.missing(parked, func(id string) bool { return f.evidence.parked[id] > 0 }); n > 0 {
		return fmt.Sprintf("%d tasks are not parked", n), nil
	}
	return "", nil
}

// unfinished counts the runs of living processes that have not ended.
func (f *field) unfinished() int {
	deaths, _, _ := f.crew.told()
	gone := map[string]bool{}
	for _, d := range deaths {
		gone[d.process] = true
	}
	for _, q := range f.crew.ended() {
		gone[q.process] = true
	}
	count := 0
	for _, r := range f.ledger.byName {
		if !gone[r.process] {
			count++
		}
	}
	return count
}

// missing counts the tasks that should be at a place and are not.
func (f *field) missing(at place, is func(id string) bool) int {
	count := 0
	for _, t := range f.plan.tasks {
		if t.kind.ends == at && !is(t.id) {
			count++
		}
	}
	return count
}

// readyDepths returns how many messages are ready in the queues that are to be empty at the end: the work
// queue, the delay ladder, and others.
func readyDepths(ctx context.Context, client *broker.Client, others ...string) (map[string]int, error) {
	queues := append([]string{queueName}, others...)
	for k := range routing.LadderDigits {
		for digit := 1; digit <= 3; digit++ {
			queues = append(queues, client.Names().LadderQueue(k, digit))
		}
	}
	depths, err := client.Depths(ctx, queues...)
	if err != nil {
		return nil, err
	}
	ready := map[string]int{}
	for _, queue := range queues {
		depth, exists := depths[queue]
		if !exists {
			return nil, fmt.Errorf("the queue %s is gone", queue)
		}
		ready[queue] = depth.Ready
	}
	return ready, nil
}

// look notes what lies in the dead-letter queue and in the unrouted queue.
func (f *field) look(ctx context.Context) error {
	f.evidence.letters, f.evidence.parked = nil, map[string]int{}
	err := f.client.Browse(ctx, routing.DeadQueue(queueName), 0, func(m tasks.Message) bool {
		f.evidence.letters = append(f.evidence.letters, letterOf(m))
		return true
	})
	if err != nil {
		return err
	}
	return f.client.Browse(ctx, f.client.Names().Unrouted(), 0, func(m tasks.Message) bool {
		f.evidence.parked[m.MessageID]++
		return true
	})
}

// gather completes the evidence, after the workers have stopped.
func (f *field) gather(ctx context.Context) (err error) {
	if err := f.ledger.read(); err != nil {
		return err
	}
	if err := f.look(ctx); err != nil {
		return err
	}
	toBeEmpty := []string{orderedQueue, ticksQueue, routing.DeadQueue(orderedQueue), routing.DeadQueue(ticksQueue)}
	if f.evidence.depths, err = readyDepths(ctx, f.client, toBeEmpty...); err != nil {
		return err
	}
	f.gatherTicks()
	e := &f.evidence
	e.runs, e.published, e.damages = f.ledger.runs, f.publisher.published, f.striker.told()
	e.deaths, _, e.badEnds = f.crew.told()
	e.quits = slices.Concat(f.crew.ended(), f.reigning.ended())
	return nil
}
