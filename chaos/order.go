package main

import (
	"time"
)

// orderSlack is by how much two moments must differ for one to be surely the first: a task is confirmed,
// given out and begun by three processes.
const orderSlack = 150 * time.Millisecond

// order is what is known of priorities: how often two tasks could be compared that waited in line at the same
// time, and how often the higher one should have been first and was not.
type order struct {
	compared, inverted int
}

// turn is a task that waited in line, and its first and only run.
type turn struct {
	*item
	*run
	waits time.Time // when it was in the queue, at the latest
	// decided is when its worker was given it, at the earliest: when the run before the one before it had
	// ended, and so when that before it began. It has hardly more than two tasks at a time.
	decided time.Time
}

// checkOrder finds tasks that were begun before one of a higher priority that had been waiting when they were
// given to their worker. RabbitMQ promises that order where the queue has strict priorities (classic before
// 4.0, quorum from 4.3), of what is in the queue; what a worker has been given is not taken back, so a higher
// one may still begin one task later. Nothing is said of tasks that a fault has touched: what comes back to the
// queue comes back at its head.
func (v *verdict) checkOrder(p *plan, e *evidence) {
	for _, all := range v.turns(p, e) {
		for _, low := range all {
			for _, high := range all {
				if high.priority <= low.priority || low.decided.IsZero() || !high.waits.Add(orderSlack).Before(low.decided) {
					continue
				}
				v.order.compared++
				if by := high.started.Sub(low.started); by > maxTurn+orderSlack {
					v.order.inverted++
					v.find("%s (priority %d) began %s after %s (priority %d), and had been in the queue %s before that was given out",
						high.item.id, high.priority, by, low.item.id, low.priority, low.decided.Sub(high.waits))
				}
			}
		}
	}
}

// turns returns the tasks that waited in line while nothing was broken, by when they were to be published.
func (v *verdict) turns(p *plan, e *evidence) map[time.Duration][]turn {
	runs, starts := map[string][]*run{}, map[string][]*run{}
	inLine := map[string]bool{}
	for _, t := range p.tasks {
		if t.kind.key == keyOrdered {
			inLine[t.id] = true
		}
	}
	for _, r := range e.runs {
		if inLine[r.id] {
			runs[r.id] = append(runs[r.id], r)
			starts[r.process] = append(starts[r.process], r)
		}
	}
	before := map[*run]*run{}
	for _, all := range starts {
		all = byStart(all)
		for i := 1; i < len(all); i++ {
			before[all[i]] = all[i-1]
		}
	}
	bursts := map[time.Duration][]turn{}
	for _, t := range p.tasks {
		known := e.published[t.id]
		if !inLine[t.id] || len(runs[t.id]) != 1 || known == nil || known.unconfirmed > 0 {
			continue
		}
		one := turn{item: t, run: runs[t.id][0], waits: known.confirmed}
		if (span{known.first, one.started}).within(v.lateness.troubled) > 0 {
			continue
		}
		if previous := before[one.run]; previous != nil {
			one.decided = previous.started
		}
		bursts[t.at] = append(bursts[t.at], one)
	}
	return bursts
}
