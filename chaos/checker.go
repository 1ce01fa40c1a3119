package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// line is the account of the tasks of one kind, or of all.
type line struct {
	published, done, dead, parked int
	lost, early, late             int
	starts, duplicates            int
}

func (l *line) add(other line) {
	l.published += other.published
	l.done += other.done
	l.dead += other.dead
	l.parked += other.parked
	l.lost += other.lost
	l.early += other.early
	l.late += other.late
	l.starts += other.starts
	l.duplicates += other.duplicates
}

// verdict is what the evidence comes to.
type verdict struct {
	lines map[*kind]*line
	total line
	// runs and letters count what there was too much of, by cause.
	runs, letters [causes]int
	started       int // tasks that were started
	finished      int // of those, the ones with a run that came to its end
	cutShort      int // runs that never ended, since their process was killed
	lateness      lateness
	order         order
	findings      []string
}

// holds reports whether nothing is wrong.
func (v *verdict) holds() bool { return len(v.findings) == 0 }

// check compares what was to happen with what has happened.
func check(p *plan, e *evidence) *verdict {
	v := &verdict{lines: map[*kind]*line{}, lateness: lateness{limit: cmp.Or(p.late, lateLimit), troubled: troubled(e.besides(aScheduler))}}
	runs := map[string][]*run{}
	for _, r := range e.runs {
		runs[r.id] = append(runs[r.id], r)
	}
	letters := map[string][]letter{}
	for _, l := range e.letters {
		letters[l.id] = append(letters[l.id], l)
	}
	for _, t := range p.tasks {
		if v.lines[t.kind] == nil {
			v.lines[t.kind] = &line{}
		}
		c := caseOf{verdict: v, evidence: e, item: t, runs: runs[t.id], letters: letters[t.id], publication: e.published[t.id]}
		v.lines[t.kind].add(c.judge())
		delete(runs, t.id)
	}
	for _, one := range v.lines {
		v.total.add(*one)
	}
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		v.find("%s was run and never published", id)
	}
	v.checkEnds(e)
	v.checkOrder(p, e)
	return v
}

// checkEnds checks what must hold for the whole.
func (v *verdict) checkEnds(e *evidence) {
	for _, r := range e.runs {
		switch {
		case !r.finished.IsZero():
		case !e.killed(r.process, span{r.started, farFuture}).IsZero():
			v.cutShort++
		default:
			v.find("%s was started by %s, which was not killed, and never came to an end", r.id, r.process)
		}
	}
	for _, queue := range slices.Sorted(maps.Keys(e.depths)) {
		if n := e.depths[queue]; n > 0 {
			v.find("%d messages are left in %s", n, queue)
		}
	}
	v.findings = append(v.findings, e.badEnds...)
	for _, q := range e.quits {
		if !slices.ContainsFunc(e.damages, func(d damage) bool {
			return d.struck(q.process) && (span{d.from, d.to.Add(d.recovery())}).contains(q.at)
		}) {
			v.find("%s ended by itself, and nothing was done to it: %s", q.process, q.how)
		}
	}
}

// farFuture is after everything.
var farFuture = time.Unix(1<<40, 0)

func (v *verdict) find(format string, args ...any) {
	v.findings = append(v.findings, fmt.Sprintf(format, args...))
}

// caseOf is one task, and all that is known of it.
type caseOf struct {
	verdict     *verdict
	evidence    *evidence
	item        *item
	runs        []*run
	letters     []letter
	publication *publication
}

func (c *caseOf) find(format string, args ...any) {
	c.verdict.find("%s (%s): %s", c.item.id, c.item.kind.name, fmt.Sprintf(format, args...))
}

// judge counts one task and notes what is wrong with it.
func (c *caseOf) judge() line {
	if c.publication == nil || c.publication.confirmed.IsZero() {
		c.find("never published")
		return line{}
	}
	one := line{published: 1, starts: len(c.runs)}
	c.countRuns()
	c.judgePlace(&one)
	c.judgeTimes(&one)
	c.judgeLateness(&one)
	c.judgeDuplicates(&one)
	return one
}

func (c *caseOf) countRuns() {
	if len(c.runs) == 0 {
		return
	}
	c.verdict.started++
	if slices.ContainsFunc(c.runs, func(r *run) bool { return !r.finished.IsZero() }) {
		c.verdict.finished++
	}
}

// judgePlace finds out where the task has ended. To end in the right place twice is a duplicate, not
// a fault; to end in two places is one.
func (c *caseOf) judgePlace(one *line) {
	attempts := cmp.Or(c.item.kind.attempts, retries.MaxAttempts)
	last := c.item.script.lastAttempt(attempts)
	var places []place
	if slices.ContainsFunc(c.runs, func(r *run) bool { return r.outcome == succeeded }) {
		one.done, places = 1, append(places, done)
	}
	if len(c.letters) > 0 {
		one.dead, places = 1, append(places, dead)
	}
	if c.evidence.parked[c.item.id] > 0 {
		one.parked, places = 1, append(places, parked)
	}
	switch {
	case len(places) == 0:
		one.lost = 1
		c.find("LOST: %d runs, and it is neither done nor dead nor parked", len(c.runs))
	case len(places) > 1 || places[0] != c.item.kind.ends:
		c.find("ended %v, and should have ended %v", places, c.item.kind.ends)
	}
	for _, l := range c.letters {
		if l.reason != c.item.kind.reason {
			c.find("dead by %q, and should be by %q", l.reason, c.item.kind.reason)
		}
	}
	for _, r := range c.runs {
		if r.attempt > last {
			c.find("attempt %d was started, and %d should have been the last", r.attempt, last)
		}
		if r.outcome == succeeded && r.attempt != last {
			c.find("succeeded as attempt %d, which should have been %d", r.attempt, last)
		}
	}
}

// judgeTimes finds runs that came before their time: that which the message told, or for a first run
// that which the publisher asked for, to the millisecond of the wire.
func (c *caseOf) judgeTimes(one *line) {
	for _, r := range c.runs {
		due := r.notBefore
		if asked := c.publication.notBefore.Truncate(time.Millisecond); asked.After(due) {
			due = asked
		}
		if r.started.Before(due) {
			one.early++
			c.find("attempt %d was started %s too early", r.attempt, due.Sub(r.started))
		}
	}
}

// judgeDuplicates explains what there was too much of.
func (c *caseOf) judgeDuplicates(one *line) {
	byStep := c.steps()
	var before []*run
	for _, at := range slices.SortedFunc(maps.Keys(byStep), step.compare) {
		same := copies{evidence: c.evidence, runs: byStart(byStep[at]), origin: c.publication.first}
		if len(before) == 0 {
			same.resent = c.publication.unconfirmed
		} else {
			same.followed = len(before) - 1
			same.origin = byStart(before)[0].started
			for _, r := range before {
				same.retried += c.evidence.retriable(r)
			}
		}
		for _, why := range same.explain() {
			one.duplicates++
			c.verdict.runs[why]++
			switch why {
			case unexplained:
				c.find("attempt %d run %d times for no reason: %s", at.attempt, len(same.runs), shown(same.runs))
			case byReturn:
				c.find("attempt %d run %d times by a process that could have known it: %s", at.attempt, len(same.runs), shown(same.runs))
			}
		}
		before = byStep[at]
	}
	c.judgeBurials(one, byStep)
}

// judgeBurials explains dead letters and parked tasks beyond the first.
func (c *caseOf) judgeBurials(one *line, runs map[step][]*run) {
	var why []cause
	resent := c.publication.unconfirmed
	if len(c.letters) > 1 {
		followed := len(runs[step{attempt: c.letters[0].attempt}]) - 1 // each run has buried it
		graves := burials{evidence: c.evidence, letters: c.letters, origin: c.publication.first, followed: followed, resent: resent}
		why = graves.explain()
	}
	for range max(c.evidence.parked[c.item.id]-1, 0) {
		if resent > 0 {
			resent--
			why = append(why, byUnconfirmed)
		} else {
			why = append(why, unexplained)
		}
	}
	for _, one := range why {
		c.verdict.letters[one]++
		if one == unexplained {
			c.find("%d letters, %d times parked, for no reason", len(c.letters), c.evidence.parked[c.item.id])
		}
	}
	one.duplicates += len(why)
}

// byStart sorts runs by their starts.
func byStart(runs []*run) []*run {
	return slices.SortedStableFunc(slices.Values(runs), func(a, b *run) int { return a.started.Compare(b.started) })
}

// shown is runs as text.
func shown(runs []*run) string {
	text := ""
	for i, r := range runs {
		if i > 0 {
			text += "; "
		}
		end := "never ended"
		if !r.finished.IsZero() {
			end = fmt.Sprintf("%s after %s", r.outcome, r.finished.Sub(r.started))
		}
		text += fmt.Sprintf("%s by %s, %s", r.started.Format("15:04:05.000"), r.process, end)
	}
	return text
}
