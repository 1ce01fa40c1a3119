package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/warrenmq/warren/tasks"
)

// line is the account of the tasks of one kind, or of all.
type line struct {
	published, done, retried, dead, parked int
}

func (l *line) add(other line) {
	l.published += other.published
	l.done += other.done
	l.retried += other.retried
	l.dead += other.dead
	l.parked += other.parked
}

// balance is what a ledger comes to.
type balance struct {
	lines   map[*kind]*line
	total   line
	reasons map[tasks.Reason]int // of the dead
	// duplicates is how many runs there were beyond one an attempt; strays how many tasks ran that
	// this demo did not publish.
	duplicates, strays int
	lateness           durations            // of delayed tasks, at their first run; below 0 is early
	waits              map[string]durations // by kind, from publishing to the first run
	findings           []string             // what is wrong, one task each
}

// balance adds up the ledger.
func (l *ledger) balance() *balance {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &balance{
		lines: map[*kind]*line{}, reasons: map[tasks.Reason]int{}, waits: map[string]durations{},
		strays: len(l.strays),
	}
	for _, id := range slices.Sorted(maps.Keys(l.entries)) {
		e := l.entries[id]
		if b.lines[e.kind] == nil {
			b.lines[e.kind] = &line{}
		}
		places := l.places(id, e)
		b.lines[e.kind].add(b.task(e, places))
		b.judge(id, e, places, l.dead[id])
	}
	for _, one := range b.lines {
		b.total.add(*one)
	}
	return b
}

// task returns the account of one task, and takes its measurements.
func (b *balance) task(e *entry, places []place) line {
	one := line{published: 1}
	for _, p := range places {
		switch p {
		case done:
			one.done = 1
		case dead:
			one.dead = 1
		case parked:
			one.parked = 1
		}
	}
	attempts := map[int]bool{}
	for _, r := range e.runs {
		attempts[r.attempt] = true
	}
	one.retried = max(len(attempts)-1, 0)
	b.duplicates += len(e.runs) - len(attempts)
	if len(e.runs) > 0 {
		first := e.runs[0]
		b.waits[e.kind.name] = append(b.waits[e.kind.name], first.at.Sub(e.published))
		if !first.notBefore.IsZero() && e.kind.delay > 0 {
			b.lateness = append(b.lateness, first.at.Sub(first.notBefore))
		}
	}
	return one
}

// judge notes what is wrong with a task.
func (b *balance) judge(id string, e *entry, places []place, reason tasks.Reason) {
	find := func(format string, args ...any) {
		b.findings = append(b.findings, fmt.Sprintf("%s (%s): %s", id, e.kind.name, fmt.Sprintf(format, args...)))
	}
	switch {
	case len(places) == 0:
		find("missing: it is neither done nor dead nor parked")
	case len(places) > 1:
		find("in more than one place: %v", places)
	case places[0] != e.kind.ends:
		find("%s, and should be %s", places[0], e.kind.ends)
	case places[0] == dead && reason != e.kind.reason:
		find("dead by %q, and should be by %q", reason, e.kind.reason)
	}
	if slices.Contains(places, dead) {
		b.reasons[reason]++
	}
	for _, r := range e.runs {
		if r.at.Before(r.notBefore) {
			find("attempt %d ran %s too early", r.attempt, millis(r.notBefore.Sub(r.at)))
		}
	}
}

// holds reports whether every task is in exactly one place.
func (b *balance) holds() bool {
	return len(b.findings) == 0 && b.total.published == b.total.done+b.total.dead+b.total.parked
}

// String is the balance in one line.
func (b *balance) String() string {
	verdict := "holds"
	if !b.holds() {
		verdict = "DOES NOT HOLD"
	}
	return fmt.Sprintf("balance: %d published = %d done + %d dead + %d parked: %s",
		b.total.published, b.total.done, b.total.dead, b.total.parked, verdict)
}
