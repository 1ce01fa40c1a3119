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
	// byFreeze: it was frozen meanwhile, for longer than its heartbeat allows.
	byFreeze
	// byLink: its connection was cut meanwhile, or was half open.
	byLink
	// byRestart: the broker was restarted meanwhile, and the task came back to another process.
	byRestart
	// byReturn: any of these, but for the kill, and the task came back to the same process, which could
	// have known it.
	byReturn
	// byStale: the process that ran it once more had it from a connection that was gone, and had not
	// noticed: it was frozen, or its link half open.
	byStale
	// byRestartOnTheWay: the broker was restarted while the task was on its way to the worker: on the
	// delay ladder, or published by a worker that was not told that it had arrived.
	byRestartOnTheWay
	// byRetry: the worker that published the retry lost its connection before it was told that it had
	// arrived, and published it again.
	byRetry
	// byRecount: the task was given back, and the worker that published it anew, with the count of its
	// redeliveries, lost its connection before it had acknowledged what it was given.
	byRecount
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
		"worker frozen while it held the task",
		"worker's connection lost while it held the task",
		"broker restarted while a worker held the task",
		"GIVEN BACK TO THE PROCESS THAT HAD RUN IT",
		"started from a connection that was gone",
		"broker restarted while the task was on its way",
		"retry unconfirmed, published again",
		"given back, published anew, and given back again",
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
	// the step before beyond the first, retried how often a retry can have been published again.
	resent, followed, retried int
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
		case why == byReturn && (c.resent > 0 || c.followed > 0 || c.retried > 0 || c.evidence.away(span{c.origin, earlier.started})):
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
	case c.retried > 0:
		c.retried--
		return byRetry
	case c.stale(r):
		return byStale
	case c.recounted(r, before):
		return byRecount
	case c.evidence.away(span{c.origin, r.started}):
		return byRestartOnTheWay
	}
	return unexplained
}

// interrupted returns what happened to a run before it can have been acknowledged, so that the task
// came back and was run again. What came back under another settlement was published anew by another process,
// and cannot be recognised by this one.
func (c *copies) interrupted(earlier, again *run) cause {
	held := span{earlier.started, again.started}
	if acked := c.evidence.settled(earlier); !acked.IsZero() && acked.Before(held.to) {
		held.to = acked
	}
	killed := c.evidence.killed(earlier.process, held)
	for _, d := range c.evidence.damages {
		if !d.loses() || !d.struck(earlier.process) || !d.reach().meets(held) {
			continue
		}
		if !killed.IsZero() && killed.Before(d.from) {
			break
		}
		switch {
		case d.kind == killWorker, d.kind == killSlowly:
			continue
		case earlier.process == again.process && earlier.settlement == again.settlement:
			return byReturn
		case d.kind == freezeWorker, d.kind == pauseWorker:
			return byFreeze
		case d.kind == stopBroker, d.kind == crashBroker:
			return byRestart
		}
		return byLink
	}
	if !killed.IsZero() {
		return byKill
	}
	return unexplained
}

// stale reports whether a run was begun while its process had lost its connection and cannot have known it.
func (c *copies) stale(r *run) bool {
	return slices.ContainsFunc(c.evidence.damages, func(d damage) bool {
		return d.loses() && d.kind != killWorker && d.struck(r.process) && d.reach().contains(r.started)
	})
}

// recounted reports whether a run is of a message that a worker has published anew, and a worker lost its
// connection meanwhile.
func (c *copies) recounted(r *run, before []*run) bool {
	if !slices.ContainsFunc(before, func(earlier *run) bool { return earlier.settlement != r.settlement }) {
		return false
	}
	return c.evidence.lost(span{c.origin, r.started})
}

// settled returns until when the broker may not have known of the end of a run: longer where something
// was in the way of that. Of a run that never ended it is the zero time.
func (e *evidence) settled(r *run) time.Time {
	if r.finished.IsZero() {
		return time.Time{}
	}
	until := r.finished.Add(settling)
	for _, d := range e.damages { // in the order of their begin, so that one leads to the next
		if d.struck(r.process) && d.meets(span{r.finished, until}) {
			until = later(until, d.to.Add(settling))
		}
	}
	return until
}

// retriable returns how often the retry that a run has published can have been published again.
func (e *evidence) retriable(r *run) int {
	if r.finished.IsZero() {
		return 0
	}
	count := 0
	publishing := span{r.finished, e.settled(r)}
	for _, d := range e.damages {
		if d.loses() && d.kind != killWorker && d.struck(r.process) && d.reach().meets(publishing) {
			count++
		}
	}
	return count
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
	return slices.ContainsFunc(e.damages, func(d damage) bool {
		return (d.kind == stopBroker || d.kind == crashBroker) && d.meets(within)
	})
}
