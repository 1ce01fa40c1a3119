package worker

import (
	eventheap "container/heap"
	"math/rand/v2"
	"time"
)

// simulation is a broker's queue and the workers that consume it, in simulated time.
type simulation struct {
	now     time.Time
	events  events
	backlog int
	workers []*simulated
	turn    int       // the worker that is served next
	wire    time.Time // when the broker can send the next delivery

	rng      *rand.Rand
	taskTime func() time.Duration // of the next task to start
	hold     time.Duration        // how long before its time a delivery arrives
	paused   bool                 // the broker sends nothing
}

// A round trip to the simulated broker, and the least time between two of its deliveries.
const (
	simulatedTrip    = 500 * time.Microsecond
	simulatedSpacing = 200 * time.Microsecond
)

// simulated is a worker with an adapting prefetch.
type simulated struct {
	s                       *simulation
	window                  *window
	prefetch                int
	unacked, ready, running int
	held                    int
	finished                int
	changes                 []time.Duration // when the prefetch changed
	began                   time.Time
}

func newSimulation(concurrency ...int) *simulation {
	s := &simulation{now: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC), rng: rand.New(rand.NewPCG(1, 2))}
	for _, c := range concurrency {
		w := &simulated{s: s, window: newWindow(c, s.now), began: s.now}
		w.prefetch = w.window.prefetch()
		s.workers = append(s.workers, w)
		s.after(100*time.Millisecond, w.tick)
	}
	return s
}

func (s *simulation) after(d time.Duration, do func()) {
	eventheap.Push(&s.events, event{s.now.Add(d), do})
}

// run lets time pass.
func (s *simulation) run(d time.Duration) {
	end := s.now.Add(d)
	s.dispatch()
	for len(s.events) > 0 && !s.events[0].at.After(end) {
		e := eventheap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
	s.now = end
}

// produce adds tasks to the queue, one each interval.
func (s *simulation) produce(count int, interval time.Duration) {
	if count == 0 {
		return
	}
	s.backlog++
	s.dispatch()
	s.after(interval, func() { s.produce(count-1, interval) })
}

// dispatch delivers what the workers' prefetch admits, in turns.
func (s *simulation) dispatch() {
	for refused := 0; s.backlog > 0 && refused < len(s.workers) && !s.paused; {
		w := s.workers[s.turn]
		s.turn = (s.turn + 1) % len(s.workers)
		if w.unacked >= w.prefetch {
			refused++
			continue
		}
		refused = 0
		s.backlog--
		w.unacked++
		if s.wire.Before(s.now) {
			s.wire = s.now
		}
		s.wire = s.wire.Add(simulatedSpacing)
		s.after(s.wire.Sub(s.now)+simulatedTrip/2, w.arrive)
	}
}

func (w *simulated) arrive() {
	w.held++
	due := func() {
		w.held--
		w.ready++
		w.start()
	}
	if w.s.hold == 0 {
		due()
		return
	}
	w.s.after(w.s.hold, due)
}

func (w *simulated) start() {
	for w.ready > 0 && w.running < w.window.slots {
		w.ready--
		w.running++
		w.window.began(w.s.now)
		w.s.after(w.s.taskTime(), w.end)
	}
}

func (w *simulated) end() {
	w.window.ended(w.s.now)
	w.running--
	w.finished++
	w.s.after(simulatedTrip/2, func() {
		w.unacked--
		w.s.dispatch()
	})
	w.start()
}

func (w *simulated) tick() {
	var changed bool
	if w.prefetch, changed = w.window.tick(w.s.now, w.held); changed {
		w.changes = append(w.changes, w.s.now.Sub(w.began))
		surplus := min(max(w.unacked-w.prefetch, 0), w.ready)
		w.ready -= surplus
		w.unacked -= surplus
		w.s.backlog += surplus
		w.s.dispatch()
	}
	w.s.after(100*time.Millisecond, w.tick)
}

type event struct {
	at time.Time
	do func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}
