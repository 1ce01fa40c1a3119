package lease

import (
	"strings"
	"time"

	"pgregory.net/rapid"
)

// What happens in a world, and how often beside each other.
var (
	fortunes    = []string{"run", "run", "run", "run", "time", "time", "all", "all", "all", "land", "land", "begin", "wake", "flow", "gulp", "gulp"}
	misfortunes = []string{"fate", "outage", "outage", "outage", "stall", "block", "mute", "stop", "sleep", "wall", "cut", "restart", "resign", "step down", "trim", "junk"}
)

// act does one thing that may happen.
func (w *world) act() {
	t := w.t
	i := rapid.IntRange(0, len(w.processes)-1).Draw(t, "process")
	p := w.processes[i]
	act := rapid.SampledFrom(fortunes).Draw(t, "act")
	if rapid.IntRange(0, 9).Draw(t, "fault") < w.faults {
		act = rapid.SampledFrom(misfortunes).Draw(t, "fault")
	}
	switch act {
	case "gulp": // it alone
		p.stalled = false
		w.run(p, len(w.records))
	case "run":
		w.run(p, rapid.IntRange(0, 5).Draw(t, "records"))
	case "all": // a moment in which nothing new goes wrong
		for _, other := range w.processes {
			if other != p || rapid.Bool().Draw(t, "itself") {
				w.begin(other)
			}
		}
		w.pass(rapid.SampledFrom([]int{1, 3, 10, 45}).Draw(t, "rounds"))
	case "time":
		w.advance(time.Duration(rapid.SampledFrom([]int{1, 20, 100, 300, 500, 1000, 1900, 2110, 2500}).Draw(t, "ms")) * time.Millisecond)
	case "land", "fate":
		if len(w.pending) > 0 {
			fate := "lands"
			if act == "fate" {
				fate = rapid.SampledFrom([]string{"lands, and once more later", "later", "never"}).Draw(t, "fate")
			}
			w.land(rapid.IntRange(0, len(w.pending)-1).Draw(t, "append"), strings.HasPrefix(fate, "lands"), strings.HasSuffix(fate, "later"))
		}
	case "outage": // and the others go on for long enough to take over, and no longer
		w.fault(p, rapid.SampledFrom([]string{"cut", "stall", "block", "mute", "stop", "sleep"}).Draw(t, "of"))
		w.pass(rapid.IntRange(38, 48).Draw(t, "rounds"))
		if rapid.Bool().Draw(t, "and it reads before they do") {
			p.stalled = false
			w.run(p, len(w.records))
		}
	case "cut", "stall", "block", "mute", "stop", "sleep":
		w.fault(p, act)
	case "wake":
		p.blocked, p.mute = false, false
		if !p.awake() {
			p.stopped, p.asleep = false, false
			p.look() // before its wall clock can be put back
			for i := range w.pending {
				if f := &w.pending[i]; f.by == p && f.waits && rapid.Bool().Draw(t, "timed out") {
					p.election.appended()
					f.waits = false
				}
			}
		}
	case "wall":
		if p.awake() {
			p.look()
			p.wall += time.Duration(rapid.SampledFrom([]int{-3600_000, -3000, -500, 500, 3000, 3600_000}).Draw(t, "jump")) * time.Millisecond
			p.look() // what cannot be told from less: a clock put back, and a sleep, between two looks
		}
	case "flow":
		p.stalled = false
	case "begin":
		w.begin(p)
	case "restart":
		w.processes[i] = w.start()
	case "resign":
		if p.awake() {
			p.look()
			p.election.closing = true
			if r, ok := p.election.resign(p.now); ok {
				w.pending = append(w.pending, flight{r, p, true})
			}
			if !p.election.busy {
				w.processes[i] = w.start()
			}
		}
	case "step down":
		if p.awake() {
			p.look()
			if r, ok := p.election.stepDown(p.now); ok {
				w.pending = append(w.pending, flight{r, p, true})
			}
		}
	case "trim":
		w.trim()
	case "junk":
		w.write(record{})
	}
}

// fault begins what lasts until something ends it.
func (w *world) fault(p *process, kind string) {
	switch kind {
	case "cut":
		w.cut(p)
	case "stall":
		p.stalled = true
	case "block":
		p.blocked = true
	case "mute":
		p.mute = true
	case "stop":
		p.stopped = !p.asleep
	case "sleep":
		p.asleep = !p.stopped
	}
}
