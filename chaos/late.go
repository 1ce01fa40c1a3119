package main

import (
	"maps"
	"slices"
	"time"
)

// lateLimit is how late a start may be for no reason, unless the command line says another time.
const lateLimit = 3 * time.Second

// lateness is how late starts were.
type lateness struct {
	limit      time.Duration
	handedOver int             // how many were late by that
	troubled   []span          // when something was broken, or recovered
	calm       []time.Duration // of the starts that no fault touched
}

// judge returns how much of a delay lies in no time of trouble, and keeps it where none of it does.
func (l *lateness) judge(due, started time.Time) time.Duration {
	late := started.Sub(due)
	if late < 0 {
		return 0 // it had been sent before, and had arrived
	}
	trouble := span{due, started}.within(l.troubled)
	if trouble == 0 {
		l.calm = append(l.calm, late)
	}
	return late - trouble
}

// judgeLateness finds out how late each step was first started: after it was sent for the last time, or after the
// step before had ended, or after its time, whichever came last. What is to wait in line is left out.
func (c *caseOf) judgeLateness(one *line) {
	if c.item.kind.key == keyOrdered {
		return
	}
	byStep := c.steps()
	due := c.publication.sent
	came := due
	for _, at := range slices.SortedFunc(maps.Keys(byStep), step.compare) {
		first := byStart(byStep[at])[0]
		due = later(later(due, first.notBefore), c.publication.notBefore)
		switch by := c.verdict.lateness.judge(due, first.started); {
		case by <= c.verdict.lateness.limit:
		case by <= handOver+c.verdict.lateness.limit && c.onLadder(first) && c.evidence.away(span{came, first.started}):
			c.verdict.lateness.handedOver++
		default:
			one.late++
			c.find("LATE: attempt %d was started %s after it was due, of which nothing explains %s", first.attempt,
				first.started.Sub(due).Round(time.Millisecond), by.Round(time.Millisecond))
		}
		ends := first.finished
		for _, r := range byStep[at] {
			if !r.finished.IsZero() && (ends.IsZero() || r.finished.Before(ends)) {
				ends = r.finished
			}
		}
		due = later(due, ends)
		came = ends
	}
}

// onLadder reports whether a run is of a message that has waited on the delay ladder.
func (c *caseOf) onLadder(r *run) bool {
	return !r.notBefore.IsZero() || r.attempt == 1 && !c.publication.notBefore.IsZero()
}
