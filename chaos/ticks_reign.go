package main

import (
	"cmp"
	"slices"
	"time"
)

// reign is a time for which one process has led.
type reign struct {
	process  string
	term     uint64
	from, to time.Time
	end      reignEnd
	reason   string // of one that lapsed, as the process told it
}

// reignEnd is how a reign came to its end.
type reignEnd int

// The ends.
const (
	reignsStill  reignEnd = iota // when the run was over
	reignLapsed                  // by itself
	reignKilled                  // its process was killed
	reignStopped                 // its process was asked to stop
)

// reignsOf finds the reigns in what the schedulers have told, in the order of their begin. A process
// leads from its "leading" to its "not leading any more", or to its end. What is said when the run is
// over, and all are asked to stop, ends no reign.
func reignsOf(events []event, deaths []death, over time.Time) []reign {
	var all []reign
	for i, e := range events {
		if e.Kind != eventLeading {
			continue
		}
		r := reign{process: e.process, term: e.Term, from: e.At, to: later(over, e.At)}
		died := slices.IndexFunc(deaths, func(d death) bool { return d.process == e.process })
		said := slices.IndexFunc(events[i:], func(e event) bool { return e.Kind == eventNotLeading && e.process == r.process })
		switch {
		case said >= 0:
			last := events[i+said]
			r.to, r.reason = last.At, last.Reason
			switch {
			case died >= 0 && deaths[died].asked && !last.At.Before(deaths[died].at):
				r.end = reignStopped
			case last.At.Before(over):
				r.end = reignLapsed
			}
		case died >= 0:
			r.endBy(deaths[died])
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b reign) int { return a.from.Compare(b.from) })
	return all
}

// endBy ends a reign with its process: with the moment that it was killed in, or with its exit where
// it was asked to stop and did not tell that it leads no more.
func (r *reign) endBy(d death) {
	r.to, r.end = d.at, reignKilled
	if d.asked {
		r.to, r.end = later(d.at, d.gone), reignStopped
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// overlaps returns the pairs of reigns that had a moment in common, by the begin of the later one.
func overlaps(reigns []reign) [][2]reign {
	var all [][2]reign
	for i, second := range reigns {
		for _, first := range reigns[:i] {
			if second.from.Before(first.to) {
				all = append(all, [2]reign{first, second})
			}
		}
	}
	return all
}

// gap is a time without a leader, after something was done to the one that led.
type gap struct {
	end     reignEnd // of the reign before
	process string   // that led before
	from    time.Time
	leading time.Duration // until the next one led, negative where none did
	tick    time.Duration // until it had emitted a tick, negative where it had not
	excused bool          // the broker was away at some time of it
	reason  string
}

// gapsOf finds the time without a leader after each reign. It begins when the process was killed or
// asked to stop, or when it gave the lease up by itself.
func gapsOf(reigns []reign, events []event, deaths []death, outages []span) []gap {
	var all []gap
	for i, r := range reigns {
		if r.end == reignsStill {
			continue
		}
		g := gap{end: r.end, process: r.process, from: r.to, leading: -1, tick: -1, reason: r.reason}
		if r.end == reignStopped {
			at := slices.IndexFunc(deaths, func(d death) bool { return d.process == r.process })
			g.from = deaths[at].at
		}
		until := farFuture
		if i+1 < len(reigns) {
			next := reigns[i+1]
			until = next.from
			g.leading = next.from.Sub(g.from)
			if at := firstEmission(events, next); !at.IsZero() {
				g.tick = at.Sub(g.from)
			}
		}
		g.excused = slices.ContainsFunc(outages, func(o span) bool { return o.meets(span{g.from, until}) })
		all = append(all, g)
	}
	return all
}

// firstEmission returns when the first tick of a reign was emitted, the zero time where none was.
func firstEmission(events []event, r reign) time.Time {
	var first time.Time
	for _, e := range events {
		if e.Kind == eventEmitted && e.process == r.process && !e.At.Before(r.from) && !e.At.After(r.to) &&
			(first.IsZero() || e.At.Before(first)) {
			first = e.At
		}
	}
	return first
}

// quantile returns the value that a part of all does not exceed, 0 of none. It sorts what it is given.
func quantile[T cmp.Ordered](all []T, part float64) T {
	var none T
	if len(all) == 0 {
		return none
	}
	slices.Sort(all)
	return all[min(int(part*float64(len(all))), len(all)-1)]
}
