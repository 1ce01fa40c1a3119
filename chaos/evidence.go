package main

import (
	"slices"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// evidence is all that is known of a run when it is over. The checker needs nothing else.
type evidence struct {
	published map[string]*publication // by task ID
	runs      []*run
	letters   []letter
	parked    map[string]int // how often a task lies in the unrouted queue
	deaths    []death        // of workers that we killed
	damages   []damage       // what has struck, in the order of its begin
	quits     []quit         // of workers and schedulers, by themselves
	depths    map[string]int // of the queues that are to be empty, after all workers have stopped
	badEnds   []string       // of workers that were asked to stop
}

// letter is one dead letter.
type letter struct {
	id         string
	reason     tasks.Reason
	attempt    int
	settlement int       // counts the republishes of the task
	process    string    // the worker that gave the task up
	failedAt   time.Time // to the second
}

// letterOf reads a dead letter. What it does not tell stays empty, and the checker finds it.
func letterOf(m tasks.Message) letter {
	l := letter{id: m.MessageID, attempt: 1}
	if reason, ok := m.Headers[tasks.HeaderDeadReason].(string); ok {
		l.reason = tasks.Reason(reason)
	}
	if worker, ok := m.Headers[tasks.HeaderWorker].(string); ok {
		l.process = worker
	}
	if at, ok := m.Headers[tasks.HeaderFailedAt].(string); ok {
		l.failedAt, _ = time.Parse(time.RFC3339, at) // the zero time explains nothing
	}
	if t, err := tasks.Decode(m, queueName, l.failedAt); err == nil {
		l.attempt, l.settlement = t.Attempt, t.Settlement
	}
	return l
}

// besides returns the damages of all but those who have a role.
func (e *evidence) besides(other role) []damage {
	return slices.DeleteFunc(slices.Clone(e.damages), func(d damage) bool {
		return d.who.role == other
	})
}

// span is a time from one moment to another.
type span struct{ from, to time.Time }

// meets reports whether two spans have a moment in common.
func (s span) meets(other span) bool { return !s.to.Before(other.from) && !other.to.Before(s.from) }

// contains reports whether a moment is in the span.
func (s span) contains(at time.Time) bool { return !at.Before(s.from) && !at.After(s.to) }
