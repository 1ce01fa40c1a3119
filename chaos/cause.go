package main

import (
	"slices"
	"time"
)

// cause is why a task was run, or buried, once more than it had to be.
type cause int

// The causes, in the order of the report.
const (
	// byKill: the worker was killed while it ran the task, or before its acknowledgement had arrived.
	byKill cause = iota
	// byRestartHere and byRestartElsewhere: the same for the broker; the task came back to the same
	// process, which could have known it, or to another.
	byRestartHere
	byRestartElsewhere
	// byRestartOnTheWay: the broker was restarted while the task was on its way to the worker: on the
	// delay ladder, or published by a worker that was not told that it had arrived.
	byRestartOnTheWay
	// byUnconfirmed: the publisher was not told that the task had arrived, and sent it again.
	byUnconfirmed
	// byDuplicate: what it follows from was run twice, and each run has published one.
	byDuplicate
	// unexplained: nothing that was done to the system explains it.
	unexplained
	causes
)

// String returns the cause as the report names it.
func (c cause) String() string {
	return [...]string{
		"worker killed while it held the task",
		"broker restarted, back to the same process",
		"broker restarted, to another process",
		"broker restarted while the task was on its way",
		"publish unconfirmed, sent again under its ID",
		"follows from a duplicate before it",
		"UNEXPLAINED",
	}[c]
}

// settling is how long after a handler's return the broker may still not know of it, when nothing is
// in the way: a retry is published and confirmed first.
const settling = time.Second

// copies explains why there is more than one run of one step: each run but the first.
type copies struct {
	evidence *evidence
	runs     []*run // of one task and one step, in the order of their starts
	// origin is when the first of them was published.
	origin time.Time
	// resent is how often the publisher sent the task again, followed how many runs there were of
	// the step before beyond the first.
	resent, followed int
}

// explain returns the causes of the runs beyond the first. Each thing that was done to the system
// explains one run.
func (c *copies) explain() []cause {
	var all []cause
	used := map[*run]bool{}
	for i, r := range c.runs {
		if i > 0 {
			all = append(all, c.explainOne(r, c.runs[:i], used))
		}
	}
	return all
}

func (c *copies) explainOne(r *run, before []*run, used map[*run]bool) cause {
	for _, earlier := range slices.Backward(before) {
		if used[earlier] {
			continue
		}
		switch why := c.interrupted(earlier, r); {
		case why == unexplained:
		case why == byRestartHere && (c.resent > 0 || c.followed > 0 || c.evidence.away(span{c.origin, earlier.started})):
			// A process knows what comes back to it, and not what was sent twice.
		default:
			used[earlier] = true
			return why
		}
	}
	switch {
	case c.resent > 0:
		c.resent--
		return byUnconfirmed
	case c.followed > 0:
		c.followed--
		return byDuplicate
	case c.evidence.away(span{c.origin, r.started}):
		return byRestartOnTheWay
	}
	return unexplained
}

// interrupted returns what happened to a run before it can have been acknowledged, so that the task
// came back and was run again.
func (c *copies) interrupted(earlier, again *run) cause {
	held := span{earlier.started, again.started}
	if acked := earlier.finished.Add(settling); !earlier.finished.IsZero() && acked.Before(held.to) {
		held.to = acked
	}
	killed := c.evidence.killed(earlier.process, held)
	for _, outage := range c.evidence.outages {
		if !outage.meets(held) || !killed.IsZero() && killed.Before(outage.from) {
			continue
		}
		if earlier.process == again.process {
			return byRestartHere
		}
		return byRestartElsewhere
	}
	if !killed.IsZero() {
		return byKill
	}
	return unexplained
}

// killed returns when a process was killed within a time, else the zero time.
func (e *evidence) killed(process string, within span) time.Time {
	for _, d := range e.deaths {
		if d.process == process && within.contains(d.at) {
			return d.at
		}
	}
	return time.Time{}
}

// away reports whether the broker was away at some moment of a time.
func (e *evidence) away(within span) bool {
	return slices.ContainsFunc(e.outages, within.meets)
}

// explainLetters returns the causes of the letters of one task beyond the first. followed is how many
// runs beyond the first gave the task up, resent how often the publisher sent it again.
func (e *evidence) explainLetters(letters []letter, followed, resent int) []cause {
	var all []cause
	for i := 1; i < len(letters); i++ {
		first := letters[i-1]
		// It was published within the second that it tells, and is confirmed and acknowledged then.
		held := span{first.failedAt, first.failedAt.Add(time.Second + settling)}
		switch {
		case followed > 0:
			followed--
			all = append(all, byDuplicate)
		case !e.killed(first.process, held).IsZero():
			all = append(all, byKill)
		case e.away(held):
			all = append(all, byRestartOnTheWay)
		case resent > 0:
			resent--
			all = append(all, byUnconfirmed)
		default:
			all = append(all, unexplained)
		}
	}
	return all
}
