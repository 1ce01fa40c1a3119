package alerts

import (
	"cmp"
	"slices"
)

// Report is which conditions hold, and which nobody can tell of.
type Report struct {
	// Findings hold: the critical ones first, then in the order of the reading's queues.
	Findings []Finding
	// Unchecked may hold or not: a number that they need is not known.
	Unchecked []Unchecked
}

// Unchecked is a condition of which nobody can tell whether it holds. Queue is empty for NoLeader and
// Parked.
type Unchecked struct {
	Condition Condition
	Queue     string
}

// Check tells which conditions hold of a reading.
func Check(r *Reading, t Thresholds) Report {
	c := check{thresholds: t.withDefaults()}
	c.leader(r)
	for i := range r.Queues {
		c.queue(&r.Queues[i])
	}
	c.count(Parked, "", r.Parked)
	slices.SortStableFunc(c.Findings, func(a, b Finding) int { return cmp.Compare(a.rank(), b.rank()) })
	return c.Report
}

// check is one call of Check.
type check struct {
	Report
	thresholds Thresholds
}

func (c *check) leader(r *Reading) {
	switch {
	case r.Entries == 0:
	case r.Led == nil:
		c.unknown(NoLeader, "")
	case !*r.Led:
		c.found(Finding{Condition: NoLeader, Threshold: 1, Text: "no scheduler leads: " +
			counted(r.Entries, "entry of the schedule does", "entries of the schedule do") + " not fire"})
	}
}

func (c *check) queue(q *Queue) {
	if !q.Missing {
		c.consumers(q)
		c.ready(q)
	} else if !q.paused() {
		c.found(Finding{Condition: NoConsumer, Queue: q.Name, Threshold: 1, Text: "the queue does not exist: no worker has begun to consume it"})
	}
	c.work(q)
	c.count(Dead, q.Name, q.Dead)
}

func (q *Queue) paused() bool { return q.Paused != nil && *q.Paused }

func (c *check) consumers(q *Queue) {
	switch {
	case q.paused():
	case q.Consumers == nil:
		c.unknown(NoConsumer, q.Name)
	case *q.Consumers == 0:
		text := "no worker consumes the queue"
		if q.Paused == nil {
			text += ", unless it is paused, which is not known"
		}
		c.found(Finding{Condition: NoConsumer, Queue: q.Name, Threshold: 1, Text: text})
	}
}

func (c *check) ready(q *Queue) {
	limit := c.thresholds.Backlog
	switch {
	case q.Ready == nil:
		c.unknown(Backlog, q.Name)
	case *q.Ready >= limit:
		c.found(Finding{Condition: Backlog, Queue: q.Name, Value: float64(*q.Ready), Threshold: float64(limit), Text: backlogText(*q.Ready, limit)})
	}
}

func (c *check) work(q *Queue) {
	w := q.Work
	if w == nil {
		c.unknown(FailureRate, q.Name)
		c.unknown(Wait, q.Name)
		return
	}
	if limit := c.thresholds.FailureRate; w.Ended >= c.thresholds.MinEnded && w.FailureRate() >= limit {
		c.found(Finding{Condition: FailureRate, Queue: q.Name, Value: w.FailureRate(), Threshold: limit, Text: failureText(w, limit)})
	}
	if limit := c.thresholds.Wait; w.Wait != nil && *w.Wait >= limit {
		c.found(Finding{Condition: Wait, Queue: q.Name, Value: w.Wait.Seconds(), Threshold: limit.Seconds(), Text: waitText(w, limit)})
	}
}

// count checks a number of which nothing should be there.
func (c *check) count(condition Condition, queue string, n *int) {
	switch {
	case n == nil:
		c.unknown(condition, queue)
	case *n > 0:
		text := counted(*n, "dead letter", "dead letters")
		if condition == Parked {
			text = counted(*n, "task is parked: no queue wanted its key", "tasks are parked: no queue wanted their keys")
		}
		c.found(Finding{Condition: condition, Queue: queue, Value: float64(*n), Threshold: 1, Text: text})
	}
}

func (c *check) found(f Finding) {
	f.Severity, f.Remedy = f.Condition.Severity(), f.remedy()
	c.Findings = append(c.Findings, f)
}

func (c *check) unknown(condition Condition, queue string) {
	c.Unchecked = append(c.Unchecked, Unchecked{Condition: condition, Queue: queue})
}
