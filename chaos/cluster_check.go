package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// struck is a blow and how long it had its node away.
type struck struct {
	nodeBlow
	span
}

// clusterEvidence is all that is known of a run when it is over. The checker needs nothing else.
type clusterEvidence struct {
	blows   []struck // in their order
	loaded  span     // the load's
	sent    []*sent
	odd     map[string]int // errors of publishing that no fault explains
	runs    []*run
	left    map[string]int // how many messages are in queues that are to be empty
	byself  []string       // workers that ended though nobody had ended them
	badEnds []string
	ticks   *tickEvidence
}

// again is why a task was run once more than it had to be.
type again int

// The causes, in the order of the report.
const (
	againUnconfirmed again = iota // the publisher was not told that it had arrived
	againFollows                  // its first attempt was run twice, and each run has published a retry
	againSame                     // a fault, and it came back to the same process
	againOther                    // a fault, and it came back to another process
	againUnexplained
	againCauses
)

// String returns the cause as the report names it.
func (a again) String() string {
	return [...]string{
		"publish unconfirmed, sent again under its ID",
		"follows from a duplicate before it",
		"connection or queue leader lost with it, back to the same process",
		"connection or queue leader lost with it, to another process",
		"UNEXPLAINED",
	}[a]
}

// nodeAccount is what one fault came to.
type nodeAccount struct {
	struck
	none       bool      // it is that of the time before any fault
	until      time.Time // what begins before this is the fault's
	publishing []stall
	running    []stall
	idle       []stall // of single workers, which is told and not judged
	ticking    []stall
	confirm    time.Duration // the longest that a task took until its confirm
	wait       time.Duration // the longest that a confirmed task took until its first run
	lost       int
	repeats    [againCauses]int
	reigns     []reign // that began in it
}

// clusterVerdict is what the evidence comes to.
type clusterVerdict struct {
	accounts  []nodeAccount // the first is of the time before any fault
	ticks     *tickVerdict
	published int
	lost      int
	early     int
	findings  []string
}

// holds reports whether nothing is wrong.
func (v *clusterVerdict) holds() bool { return len(v.findings) == 0 }

func (v *clusterVerdict) find(format string, args ...any) {
	v.findings = append(v.findings, fmt.Sprintf(format, args...))
}

// judge checks all that must hold.
func (e *clusterEvidence) judge() *clusterVerdict {
	v := &clusterVerdict{accounts: e.accounts(), published: len(e.sent)}
	e.judgeTasks(v)
	e.judgeStalls(v)
	v.ticks = e.ticks.judgeKills()
	v.findings = append(v.findings, v.ticks.findings...)
	for _, r := range v.ticks.reigns {
		one := v.at(r.from)
		one.reigns = append(one.reigns, r)
	}
	for _, queue := range slices.Sorted(maps.Keys(e.left)) {
		if n := e.left[queue]; n > 0 {
			v.find("%d messages are left in %s", n, queue)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(e.odd)) {
		v.find("%d times publishing came to: %s", e.odd[text], text)
	}
	for _, text := range e.byself {
		v.find("a worker ended by itself: %s", text)
	}
	v.findings = append(v.findings, e.badEnds...)
	return v
}

// accounts are those of the faults, each until the next, before which there is one of no fault.
func (e *clusterEvidence) accounts() []nodeAccount {
	all := []nodeAccount{{struck: struck{span: e.loaded}, none: true, until: farFuture}}
	for _, b := range e.blows {
		all[len(all)-1].until = b.from
		all = append(all, nodeAccount{struck: b, until: farFuture})
	}
	return all
}

// at returns the account of a moment.
func (v *clusterVerdict) at(moment time.Time) *nodeAccount {
	for i := range v.accounts {
		if moment.Before(v.accounts[i].until) {
			return &v.accounts[i]
		}
	}
	return &v.accounts[len(v.accounts)-1]
}

// of returns the account of a stall: that of the fault which struck in it, else of the one before it.
func (v *clusterVerdict) of(s stall) *nodeAccount {
	for i, a := range v.accounts[1:] {
		if s.contains(a.from) {
			return &v.accounts[i+1]
		}
	}
	return v.at(s.from)
}

// judgeStalls lists what stood still, and finds what stood still for too long.
func (e *clusterEvidence) judgeStalls(v *clusterVerdict) {
	queueOf := map[string]int{}
	for _, s := range e.sent {
		queueOf[s.id] = s.queue
	}
	queues, workers := runStalls(e.runs, queueOf, e.loaded)
	var ticked []time.Time
	for _, c := range e.ticks.caught {
		ticked = append(ticked, c.enqueued)
	}
	ticks := stallsOf("ticks", ticked, e.loaded)
	ticks = slices.DeleteFunc(ticks, func(s stall) bool { return s.length() < 2*time.Second }) // one comes each second
	for _, s := range publishStalls(e.sent, e.loaded) {
		one := v.of(s)
		one.publishing = append(one.publishing, s)
	}
	for _, s := range queues {
		one := v.of(s)
		one.running = append(one.running, s)
	}
	for _, s := range workers {
		one := v.of(s)
		one.idle = append(one.idle, s)
	}
	for _, s := range ticks {
		one := v.of(s)
		one.ticking = append(one.ticking, s)
	}
	for _, one := range v.accounts {
		for _, s := range slices.Concat(one.publishing, one.running, one.ticking) {
			if s.length() > stallLimit {
				v.find("%s stood still for %s, from %s (%s)", s.what, tenths(s.length()), clockOf(s.from), one.since(s.from))
			}
		}
	}
}

// since tells what had happened before a moment.
func (a *nodeAccount) since(at time.Time) string {
	switch {
	case a.none:
		return "before any fault"
	case at.Before(a.from):
		return fmt.Sprintf("with: %s", a.nodeBlow)
	case at.After(a.to):
		return fmt.Sprintf("%s after the end of: %s", tenths(at.Sub(a.to)), a.nodeBlow)
	default:
		return fmt.Sprintf("%s after: %s", tenths(at.Sub(a.from)), a.nodeBlow)
	}
}

// judgeTasks finds tasks that were lost, or came early, and explains those that were run again.
func (e *clusterEvidence) judgeTasks(v *clusterVerdict) {
	runs := map[string][]*run{}
	for _, r := range e.runs {
		runs[r.id] = append(runs[r.id], r)
	}
	for _, s := range e.sent {
		all := byStart(runs[s.id])
		delete(runs, s.id)
		one := v.at(s.due)
		if s.confirmed.IsZero() {
			v.find("%s was never confirmed", s.id)
		} else {
			one.confirm = max(one.confirm, s.confirmed.Sub(s.due))
		}
		if !slices.ContainsFunc(all, func(r *run) bool { return r.outcome == succeeded }) {
			v.lost++
			one.lost++
			v.find("LOST: %s, due at %s: %d runs, none of which succeeded", s.id, clockOf(s.due), len(all))
		}
		if len(all) == 0 {
			continue
		}
		one.wait = max(one.wait, all[0].started.Sub(later(s.confirmed, s.notBefore)))
		if early := s.notBefore.Truncate(time.Millisecond).Sub(all[0].started); !s.notBefore.IsZero() && early > 0 {
			v.early++
			v.find("%s was started %s too early", s.id, early)
		}
		e.judgeRepeats(v, s, all)
	}
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		v.find("%s was run and never published", id)
	}
}

// judgeRepeats explains the runs of each attempt beyond the first.
func (e *clusterEvidence) judgeRepeats(v *clusterVerdict, s *sent, all []*run) {
	resent, followed := s.resent, 0
	byAttempt := map[int][]*run{}
	for _, r := range all {
		byAttempt[r.attempt] = append(byAttempt[r.attempt], r)
	}
	for _, attempt := range slices.SortedFunc(maps.Keys(byAttempt), cmp.Compare[int]) {
		same := byAttempt[attempt]
		for i, r := range same[1:] {
			before := same[i]
			why := againUnexplained
			switch {
			case resent > 0:
				resent--
				why = againUnconfirmed
			case followed > 0:
				followed--
				why = againFollows
			case !e.struckIn(span{s.due, r.started}):
			case before.process == r.process:
				why = againSame
			default:
				why = againOther
			}
			v.at(r.started).repeats[why]++
			if why == againUnexplained {
				v.find("%s: attempt %d was run again for no reason: %s", s.id, attempt, shown(same))
			}
		}
		followed = len(same) - 1
	}
}

// regiving is how long after a node's return a broker may still give out what was under way: RabbitMQ 4.3
// waits for consumers of a node that it has lost.
const regiving = 15 * time.Second

// struckIn reports whether a fault was on at some moment of a time.
func (e *clusterEvidence) struckIn(within span) bool {
	return slices.ContainsFunc(e.blows, func(b struck) bool { return span{b.from, b.to.Add(regiving)}.meets(within) })
}
