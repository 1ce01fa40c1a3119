package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/routing"
)

const (
	// enqueueAtOnce is how many tasks are given to EnqueueMany at a time.
	enqueueAtOnce = 10_000
	// replaysAtMost is how often a replay is run again before that is given up.
	replaysAtMost = 5
	// lettersPatience is how long nothing may move before that is believed to be the end.
	lettersPatience = time.Minute
)

// fail enqueues the tasks and waits until all are dead.
func (m *mailroom) fail(ctx context.Context) error {
	all, err := m.plan.messages()
	if err != nil {
		return err
	}
	fmt.Fprintf(m.log, "%s: %d tasks, seed %d\n", m.broker.Source, len(all), m.options.seed)
	began := time.Now()
	for some := range slices.Chunk(all, enqueueAtOnce) {
		for _, outcome := range m.client.EnqueueMany(ctx, some) {
			if outcome.Err != nil {
				return fmt.Errorf("enqueue %s: %w", outcome.ID, outcome.Err)
			}
		}
	}
	m.enqueued = time.Since(began)
	fmt.Fprintf(m.log, "all are enqueued after %s; waiting until they are dead\n", tenths(m.enqueued))
	still, err := m.awaitStill(ctx, func(dead int) bool { return dead >= len(all) })
	if err != nil {
		return err
	}
	m.died = still.since.Sub(began)
	fmt.Fprintf(m.log, "all are dead after %s\n", tenths(m.died))
	return nil
}

// group has the letters grouped, between two looks of our own.
func (m *mailroom) group(ctx context.Context) (err error) {
	e := &m.evidence
	if e.dead, err = m.browse(ctx); err != nil {
		return err
	}
	end, err := m.warren(ctx, nil, "dead", "groups", lettersQueue)
	if err != nil {
		return err
	}
	m.table = end.stdout
	if e.groups, err = readGroups(m.table); err != nil {
		return err
	}
	count := 0
	for _, g := range e.groups {
		count += g.count
	}
	m.note("groups", end, count, count)
	e.grouped, err = m.browse(ctx)
	return err
}

// replay is the command line that replays the letters of what is mended.
func replay(more ...string) []string {
	return append([]string{"dead", "replay", lettersQueue, "--error", refused.text, "--yes", "--json"}, more...)
}

// replayAndKill mends what most tasks have failed of, has them replayed, and kills that when half is
// done.
func (m *mailroom) replayAndKill(ctx context.Context) error {
	if err := os.WriteFile(m.mended(), nil, 0o600); err != nil {
		return err
	}
	var args []string
	if m.options.rate > 0 {
		args = []string{"--rate", fmt.Sprint(m.options.rate)}
	}
	half := m.plan.count(&refused) / 2
	end, err := m.warren(ctx, func() (bool, error) {
		if err := m.read(); err != nil {
			return false, err
		}
		if len(m.done) >= half {
			return true, nil
		}
		work, err := m.client.Depth(ctx, lettersQueue)
		return len(m.done)+work.Ready >= half, err
	}, replay(args...)...)
	if err != nil {
		return err
	}
	still, err := m.awaitStill(ctx, func(dead int) bool { return len(m.done)+dead >= len(m.plan.tasks) })
	if err != nil {
		return err
	}
	m.evidence.killed, m.evidence.atKill = end.killed, whereabouts{done: len(m.done), dead: still.dead}
	m.note("replay, killed", end, 0, len(m.done))
	fmt.Fprintf(m.log, "replay killed after %s: %d tasks have succeeded, %d letters are left\n", tenths(end.took), len(m.done), still.dead)
	return nil
}

// replayTheRest replays until there is nothing to replay.
func (m *mailroom) replayTheRest(ctx context.Context) error {
	e := &m.evidence
	for n := range replaysAtMost {
		counts, err := m.sweep(ctx, fmt.Sprintf("replay, again (%d)", n+1), replay()...)
		if err != nil {
			return err
		}
		if e.again = append(e.again, counts); counts.Replayed == 0 {
			break
		}
	}
	_, err := m.awaitStill(ctx, func(int) bool { return len(m.done) >= m.plan.count(&refused) })
	if err == nil {
		e.replayed, err = m.browse(ctx)
	}
	return err
}

// mendOne replays one letter with another payload.
func (m *mailroom) mendOne(ctx context.Context) (err error) {
	m.evidence.mended, err = m.sweep(ctx, "replay --set, one", "dead", "replay", lettersQueue,
		"--id", m.plan.mended.id, "--set", mendedField+"="+mendedValue, "--yes", "--json")
	return err
}

// drop drops the letters of tasks that nothing can mend.
func (m *mailroom) drop(ctx context.Context) (err error) {
	m.evidence.dropped, err = m.sweep(ctx, "drop", "dead", "drop", lettersQueue, "--error", noAddress.text, "--yes", "--json")
	return err
}

// sweep runs a command and returns the counts that it has told.
func (m *mailroom) sweep(ctx context.Context, name string, args ...string) (counts deadletter.Counts, err error) {
	end, err := m.warren(ctx, nil, args...)
	if err != nil {
		return counts, err
	}
	if err := json.Unmarshal([]byte(end.stdout), &counts); err != nil {
		return counts, fmt.Errorf("warren %s: %q: %w", strings.Join(args, " "), end.stdout, err)
	}
	m.note(name, end, counts.Seen, counts.Replayed+counts.Dropped)
	return counts, nil
}

// warren runs the command.
func (m *mailroom) warren(ctx context.Context, kill func() (bool, error), args ...string) (*ending, error) {
	end, err := runCommand(ctx, m.program, append([]string{"-c", m.config()}, args...), kill)
	if err == nil {
		err = end.err(args)
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprint(m.log, end.stderr)
	return end, nil
}

// note notes for the report what a command has done.
func (m *mailroom) note(name string, end *ending, looked, done int) {
	m.acts = append(m.acts, act{name: name, looked: looked, done: done, took: end.took, peak: end.peak})
}

// read reads the ledger and counts the tasks that have succeeded.
func (m *mailroom) read() error {
	if err := m.ledger.read(); err != nil {
		return err
	}
	runs := m.ledger.runs
	first := len(runs)
	for i := m.ended; i < len(runs); i++ {
		switch {
		case runs[i].outcome == succeeded:
			m.done[runs[i].id] = true
		case runs[i].finished.IsZero():
			first = min(first, i)
		}
	}
	m.ended = first
	return nil
}

// stillness is when nothing is under way.
type stillness struct {
	since time.Time
	dead  int // letters
}

// awaitStill blocks until nothing is under way: no task is run or ready, the number of letters stays what it
// is, and enough says that all is where it can be. Where it is not and nothing moves any more, the
// checker has to say what is missing.
func (m *mailroom) awaitStill(ctx context.Context, enough func(dead int) bool) (stillness, error) {
	type sight struct{ runs, ended, ready, dead int }
	var before sight
	still, quiet := stillness{since: time.Now()}, 0
	for quiet < quietLooks {
		if !pauseFor(ctx, lookEvery) {
			return still, context.Cause(ctx)
		}
		if err := m.read(); err != nil {
			return still, err
		}
		depths, err := m.client.Depths(ctx, lettersQueue, routing.DeadQueue(lettersQueue))
		if err != nil {
			return still, err
		}
		now := sight{
			runs: len(m.ledger.runs), ended: m.ended,
			ready: depths[lettersQueue].Ready, dead: depths[routing.DeadQueue(lettersQueue)].Ready,
		}
		switch {
		case now != before:
			still, quiet, before = stillness{time.Now(), now.dead}, 0, now
		case now.ended == now.runs && now.ready == 0 && enough(now.dead):
			quiet++
		case time.Since(still.since) > lettersPatience:
			fmt.Fprintf(m.log, "nothing has moved for %s: %+v\n", lettersPatience, now)
			return still, nil
		}
	}
	return still, nil
}
