package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// tickEvidence is all that is known of a run when it is over. The checkers need nothing else.
type tickEvidence struct {
	entries []timetable
	caught  []caught
	odd     []string // deliveries that are no tick
	events  []event
	deaths  []death // of schedulers that we ended
	outages []span  // of the broker, or of a node of it
	until   time.Time
	byself  []string // schedulers that ended though nobody had ended them
	badEnds []string // schedulers that were asked to end and did not end well
}

// repeat is why a tick was emitted once more than it had to be.
type repeat int

// The causes.
const (
	repeatKill repeat = iota
	repeatOutage
	repeatLapse
	repeatStop        // which a clean stop is there to prevent
	repeatUnexplained // nothing was done to the system
	repeats
)

// String returns the cause as the report names it.
func (r repeat) String() string {
	return [...]string{
		"the leader was killed", "the broker was away", "the leader lost the lease by itself", "THE LEADER WAS ASKED TO STOP", "UNEXPLAINED",
	}[r]
}

// tickCount is the account of one entry.
type tickCount struct {
	ticks       int // different ones
	missing     int
	early       int
	repeats     int // emitted again
	redelivered int // given out again by the broker
}

// tickVerdict is what the evidence comes to.
type tickVerdict struct {
	counts   map[string]*tickCount
	repeats  [repeats]int
	reigns   []reign
	gaps     []gap
	lateness []time.Duration // of each tick that came first
	findings []string
}

// holds reports whether nothing is wrong.
func (v *tickVerdict) holds() bool { return len(v.findings) == 0 }

func (v *tickVerdict) find(format string, args ...any) {
	v.findings = append(v.findings, fmt.Sprintf(format, args...))
}

// clockOf is a moment as findings tell it.
func clockOf(at time.Time) string { return at.UTC().Format("15:04:05.000") }

// judge checks what holds for every run: who led, under which ID each tick came, and when. Whether a
// tick is missing depends on its policy.
func (e *tickEvidence) judge() *tickVerdict {
	v := &tickVerdict{counts: map[string]*tickCount{}, findings: slices.Concat(e.odd, e.badEnds)}
	for _, text := range e.byself {
		v.find("a scheduler ended by itself: %s", text)
	}
	for _, t := range e.entries {
		v.counts[t.name] = &tickCount{}
	}
	v.reigns = reignsOf(e.events, e.deaths, e.until)
	v.gaps = gapsOf(v.reigns, e.events, e.deaths, e.outages)
	v.judgeReigns()
	v.judgeIDs(e)
	for _, all := range e.byTick() {
		v.judgeTick(e, all)
	}
	return v
}

// byTick returns what was caught of each tick, the earliest published first, tick after tick.
func (e *tickEvidence) byTick() [][]caught {
	groups := map[tick][]caught{}
	for _, c := range e.caught {
		groups[c.tick] = append(groups[c.tick], c)
	}
	var all [][]caught
	for _, group := range groups {
		slices.SortStableFunc(group, func(a, b caught) int {
			return cmp.Or(a.enqueued.Compare(b.enqueued), a.received.Compare(b.received))
		})
		all = append(all, group)
	}
	slices.SortFunc(all, func(a, b []caught) int {
		return cmp.Or(cmp.Compare(a[0].fire, b[0].fire), cmp.Compare(a[0].entry, b[0].entry))
	})
	return all
}

// judgeReigns finds two leaders at one time, and terms that do not rise.
func (v *tickVerdict) judgeReigns() {
	for _, pair := range overlaps(v.reigns) {
		v.find("TWO LEADERS: %s led until %s (term %d), and %s from %s (term %d)", pair[0].process, clockOf(pair[0].to), pair[0].term,
			pair[1].process, clockOf(pair[1].from), pair[1].term)
	}
	for i := 1; i < len(v.reigns); i++ {
		if before, r := v.reigns[i-1], v.reigns[i]; r.term <= before.term {
			v.find("the term of %s at %s is %d, after %d", r.process, clockOf(r.from), r.term, before.term)
		}
	}
}

// judgeIDs finds ticks with several IDs, and IDs of several ticks.
func (v *tickVerdict) judgeIDs(e *tickEvidence) {
	ids, ticks := map[tick]map[string]bool{}, map[string]map[tick]bool{}
	for _, c := range e.caught {
		if v.counts[c.entry] == nil {
			v.counts[c.entry] = &tickCount{}
			v.find("task %s is of %q, which is no entry", c.id, c.entry)
		}
		if ids[c.tick] == nil {
			ids[c.tick] = map[string]bool{}
		}
		if ticks[c.id] == nil {
			ticks[c.id] = map[tick]bool{}
		}
		ids[c.tick][c.id], ticks[c.id][c.tick] = true, true
	}
	for t, all := range ids {
		if len(all) > 1 {
			v.find("%s for %s came under %d IDs: %q", t.entry, clockOf(t.at()), len(all), slices.Sorted(maps.Keys(all)))
		}
	}
	for id, all := range ticks {
		if len(all) > 1 {
			v.find("the ID %s is that of %d ticks", id, len(all))
		}
	}
}

// reignSlack is how far apart what a scheduler does and what it logs of it may be.
const reignSlack = 100 * time.Millisecond

// judgeTick counts what was caught of one tick, and finds what is wrong with when it came. Two
// deliveries that were published at the same moment are one message that the broker gave out twice.
func (v *tickVerdict) judgeTick(e *tickEvidence, all []caught) {
	count := v.counts[all[0].entry]
	count.ticks++
	first := all[0].received
	for i, c := range all {
		if c.received.Before(first) {
			first = c.received
		}
		if c.received.Before(c.at()) {
			count.early++
			v.find("%s for %s came %s early", c.entry, clockOf(c.at()), c.at().Sub(c.received))
		}
		if i > 0 && c.enqueued.Equal(all[i-1].enqueued) {
			count.redelivered++
			if between := (span{all[i-1].received, c.received}); !c.redelivered && !all[i-1].redelivered && !slices.ContainsFunc(e.outages, between.meets) {
				v.find("%s for %s came twice, and the broker does not say that it gave it out again", c.entry, clockOf(c.at()))
			}
			continue
		}
		v.judgeEmission(c)
		if i == 0 {
			continue
		}
		count.repeats++
		why := e.explain(v.reigns, span{all[i-1].enqueued, c.enqueued})
		v.repeats[why]++
		if why >= repeatStop {
			v.find("%s for %s was emitted at %s and %s: %s", c.entry, clockOf(c.at()),
				clockOf(all[i-1].enqueued), clockOf(c.enqueued), why)
		}
	}
	v.lateness = append(v.lateness, first.Sub(all[0].at()))
}

// judgeEmission finds ticks that were published when nobody led.
func (v *tickVerdict) judgeEmission(c caught) {
	led := slices.ContainsFunc(v.reigns, func(r reign) bool {
		return span{r.from.Add(-reignSlack), r.to.Add(reignSlack)}.contains(c.enqueued)
	})
	if !led {
		v.find("%s for %s was published at %s, when nobody led", c.entry, clockOf(c.at()), clockOf(c.enqueued))
	}
}

// explain returns why a tick was emitted at both ends of a span.
func (e *tickEvidence) explain(reigns []reign, between span) repeat {
	if slices.ContainsFunc(e.outages, between.meets) {
		return repeatOutage
	}
	why := repeatUnexplained
	for _, r := range reigns {
		if !between.contains(r.to) {
			continue
		}
		switch r.end {
		case reignKilled:
			return repeatKill
		case reignLapsed:
			return repeatLapse
		case reignStopped:
			why = repeatStop
		}
	}
	return why
}

// ticksOf returns the fire times of an entry that were caught, in their order.
func (e *tickEvidence) ticksOf(entry string) []time.Time {
	seen := map[int64]bool{}
	for _, c := range e.caught {
		if c.entry == entry {
			seen[c.fire] = true
		}
	}
	var all []time.Time
	for _, fire := range slices.Sorted(maps.Keys(seen)) {
		all = append(all, time.Unix(fire, 0))
	}
	return all
}

// firstSight is how long the first leader may take to learn that it has to emit a tick from now on.
const firstSight = 2 * time.Second

// judgeComplete finds the ticks of an entry that are missing: from its first, which must come as soon
// as somebody leads, to the end of the run.
func (v *tickVerdict) judgeComplete(e *tickEvidence, t timetable) {
	if len(v.reigns) == 0 {
		v.find("%s: nobody ever led", t.name)
		return
	}
	ticks := e.ticksOf(t.name)
	from := t.next(v.reigns[0].from.Add(firstSight))
	if len(ticks) > 0 && ticks[0].Before(from) {
		from = ticks[0]
	}
	missing := gapsIn(t, ticks, from, e.until)
	for _, g := range missing {
		v.counts[t.name].missing += g.number(t)
		v.find("%s: %d ticks are MISSING, from %s to %s", t.name, g.number(t), clockOf(g.from), clockOf(g.to))
	}
}

// number is how many ticks of an entry are in a span that begins and ends with one.
func (s span) number(t timetable) int { return int(s.to.Sub(s.from)/t.every) + 1 }

// gapsIn returns the ticks of an entry within two times that are not among those that came, which are
// in their order: a span for each that follow each other.
func gapsIn(t timetable, came []time.Time, from, until time.Time) []span {
	var all []span
	for fire := t.next(from); !fire.After(until); fire = fire.Add(t.every) {
		if _, is := slices.BinarySearchFunc(came, fire, time.Time.Compare); is {
			continue
		}
		if n := len(all); n > 0 && all[n-1].to.Add(t.every).Equal(fire) {
			all[n-1].to = fire
		} else {
			all = append(all, span{fire, fire})
		}
	}
	return all
}
