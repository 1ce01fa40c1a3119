package lease

import (
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// world is a stream and some processes, with everything between them that can go wrong.
type world struct {
	t      *rapid.T
	timing timing

	now     time.Duration // the true time
	records []record      // all that was ever appended, by offset; of no kind: a marker, or junk
	states  []state       // what the stream adds up to behind each, read from its beginning
	base    int           // the first that is still there
	pending []flight      // appends that are under way

	processes []*process
	names     int
	faults    int // of ten things that happen
}

// flight is an append that may still land in the stream.
type flight struct {
	record record
	by     *process
	waits  bool // the process waits for the outcome
}

// process is one scheduler with its clocks and its reader.
type process struct {
	election        election
	now             instant
	rate            float64       // of its clocks, beside the true time
	monotonic, wall time.Duration // as they are
	sampled         [2]time.Duration

	stopped, asleep, following bool
	stalled, blocked, mute     bool // nothing comes to it by itself; its appends hang; they fail
	cursor, end                int  // what it reads next; where the stream ended when the session began
}

// Segments are what is trimmed, and how many stay.
const (
	segment  = 8
	segments = 3
)

func newWorld(t *rapid.T) *world {
	w := &world{t: t, timing: Config{Lease: DefaultLease}.timing(), faults: rapid.SampledFrom([]int{1, 2, 3, 5}).Draw(t, "faults of ten")}
	for range rapid.IntRange(2, 4).Draw(t, "processes") {
		w.processes = append(w.processes, w.start())
	}
	return w
}

func (w *world) start() *process {
	w.names++
	return &process{
		election: newElection(fmt.Sprintf("p%d", w.names), w.timing),
		rate:     rapid.SampledFrom([]float64{0.95, 0.95, 1, 1.05, 1.05}).Draw(w.t, "rate"), // 2 s / 0.95 < 2.25 s / 1.05
	}
}

// peek is what the process would see if it looked at its clocks.
func (p *process) peek() instant {
	return p.now.after(p.monotonic-p.sampled[0], p.wall-p.sampled[1])
}

func (p *process) look() {
	p.now = p.peek()
	p.sampled = [2]time.Duration{p.monotonic, p.wall}
}

func (p *process) awake() bool { return !p.stopped && !p.asleep }

func (w *world) advance(d time.Duration) {
	w.now += d
	for _, p := range w.processes {
		by := time.Duration(float64(d) * p.rate)
		p.wall += by
		if !p.asleep {
			p.monotonic += by
		}
	}
}

// run has a process read up to n records and append what it wants to.
func (w *world) run(p *process, n int) {
	if !p.awake() {
		return
	}
	p.look()
	for ; p.following && n > 0 && p.cursor < len(w.records); n-- {
		r := w.records[p.cursor]
		p.cursor++
		if r.Kind != "" {
			p.election.read(r, p.now)
		}
	}
	if p.following && p.cursor >= p.end {
		p.election.caughtUp = true
	}
	if r, ok := p.election.append(p.now); ok {
		w.pending = append(w.pending, flight{r, p, true})
	}
}

// begin begins a session at what the stream still has.
func (w *world) begin(p *process) {
	if p.following || !p.awake() {
		return
	}
	p.look()
	p.following, p.cursor, p.end = true, w.base, len(w.records)
	p.election.begin(uint64(w.base), p.now)
}

func (w *world) cut(p *process) {
	if p.following {
		p.following = false
		p.election.lost()
	}
}

// write puts a record into the stream.
func (w *world) write(r record) {
	r.offset = int64(len(w.records))
	before := state{known: true, last: nothing}
	if len(w.states) > 0 {
		before = w.states[len(w.states)-1]
	}
	if r.Kind != "" {
		before.apply(r)
	}
	w.records, w.states = append(w.records, r), append(w.states, before)
}

// land ends the wait for an append, or lets one land that nobody waits for any more.
func (w *world) land(i int, lands, stays bool) {
	f := &w.pending[i]
	if lands {
		w.write(f.record)
	}
	if f.waits && f.by.awake() {
		f.by.election.appended()
		f.waits = false
	}
	if !stays {
		w.pending = append(w.pending[:i], w.pending[i+1:]...)
	}
}

func (w *world) trim() {
	last := (len(w.records)/segment - segments) * segment
	if last > w.base {
		w.base = segment * rapid.IntRange(w.base/segment, last/segment).Draw(w.t, "base")
	}
}

// check holds what must hold at every moment.
func (w *world) check() {
	var leaders []string
	for _, p := range w.processes {
		if p.awake() && p.election.leads(p.peek()) {
			leaders = append(leaders, fmt.Sprintf("%s of term %d", p.election.holder, p.election.mine.term))
		}
		if s := p.election.state; p.following && s.known && p.cursor > 0 {
			want := w.states[p.cursor-1]
			if s.term != want.term || s.holder != want.holder || s.last != want.last || s.resigned != want.resigned {
				w.t.Fatalf("%s has read up to %d and believes %+v, and it is %+v", p.election.holder, p.cursor, s, want)
			}
		}
	}
	if len(leaders) > 1 {
		w.t.Fatalf("at %s there are two leaders: %v", w.now, leaders)
	}
}

// pass lets rounds of 50 ms pass.
func (w *world) pass(rounds int) {
	for range rounds {
		w.fair(50 * time.Millisecond)
		w.check()
	}
}

// fair lets some time pass in which nothing new goes wrong: all that is appended lands, and all is read.
func (w *world) fair(d time.Duration) {
	for _, p := range w.processes {
		n := len(w.records)
		if p.stalled {
			n = 0
		}
		w.run(p, n)
	}
	for i := len(w.pending) - 1; i >= 0; i-- {
		if f := w.pending[i]; f.waits && !f.by.blocked {
			w.land(i, !f.by.mute, false)
		}
	}
	w.advance(d)
}

// heal ends all faults: whoever has stopped goes on or was replaced, and what is under way is lost.
func (w *world) heal() {
	for i, p := range w.processes {
		if p.election.closing {
			w.processes[i] = w.start()
			p = w.processes[i]
		}
		p.stopped, p.asleep, p.stalled, p.blocked, p.mute = false, false, false, false, false
		p.election.appended()
		w.begin(p)
	}
	w.pending = nil
}

// leader returns the process that leads, or nil.
func (w *world) leader() *process {
	for _, p := range w.processes {
		if p.election.leads(p.peek()) {
			return p
		}
	}
	return nil
}
