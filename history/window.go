package history

import (
	"maps"
	"slices"
	"time"

	"github.com/warrenmq/warren/streams"
)

// Sums are what became of a queue's tasks over some time.
type Sums struct {
	// Succeeded, Retried and Dead are how many attempts ended so.
	Succeeded, Retried, Dead int

	// waits and runs are how many events told of a wait and of a duration, and their sums are in
	// milliseconds: of many long ones a time.Duration would overflow.
	waits, runs      int
	waitSum, tookSum float64
}

// Ended is how many attempts ended.
func (s *Sums) Ended() int { return s.Succeeded + s.Retried + s.Dead }

// Failed is how many of them did not succeed.
func (s *Sums) Failed() int { return s.Retried + s.Dead }

// MeanWait is how long those that had their turn had waited for it on average, since they were enqueued or,
// where that is later, due. The second result is false where none had.
func (s *Sums) MeanWait() (time.Duration, bool) { return mean(s.waitSum, s.waits) }

// MeanDuration is how long they had it on average. The second result is false where none had.
func (s *Sums) MeanDuration() (time.Duration, bool) { return mean(s.tookSum, s.runs) }

func mean(sum float64, n int) (time.Duration, bool) {
	if n == 0 {
		return 0, false
	}
	return Millis(sum / float64(n)).Duration(), true
}

// Add adds others.
func (s *Sums) Add(o *Sums) {
	s.Succeeded += o.Succeeded
	s.Retried += o.Retried
	s.Dead += o.Dead
	s.waits += o.waits
	s.runs += o.runs
	s.waitSum += o.waitSum
	s.tookSum += o.tookSum
}

func (s *Sums) take(o *outcome) {
	switch o.kind {
	case Succeeded:
		s.Succeeded++
	case Retried:
		s.Retried++
	case Dead:
		s.Dead++
	}
	if o.waited {
		s.waits++
		s.waitSum += float64(o.wait)
	}
	if o.ran {
		s.runs++
		s.tookSum += float64(o.took)
	}
}

// Window adds up how tasks of some queues ended over a time before now, from records as they are read, in
// steps of that time. What it holds is bounded by the queues and the steps. It is not safe for concurrent
// use.
type Window struct {
	step   time.Duration
	steps  int64 // that make up the whole time
	queues map[string][]bucket
	gaps   []bucket // their Dead is how many events are missing
	newest time.Time
}

// bucket is one step of one queue. It is used again once its step is long past.
type bucket struct {
	number int64 // of its step, since 1970
	Sums
}

// NewWindow returns a window over a time that is a multiple of step, and of the queues that are named:
// events of others are passed over.
func NewWindow(over, step time.Duration, queues ...string) *Window {
	w := &Window{step: step, steps: int64(over / step), queues: make(map[string][]bucket, len(queues))}
	for _, q := range queues {
		w.queues[q] = make([]bucket, w.steps+1)
	}
	w.gaps = make([]bucket, w.steps+1)
	return w
}

// Take adds the events of a record. What is told to have happened after now, by a clock that is fast,
// counts as now; what is older than the window is passed over.
func (w *Window) Take(r streams.Record, now time.Time) {
	eachOutcome(r, func(o *outcome) {
		if o.at.After(now) {
			o.at = now
		}
		if o.at.After(w.newest) {
			w.newest = o.at
		}
		ring := w.queues[string(o.queue)]
		if o.kind == Gap {
			ring = w.gaps
		}
		if ring == nil {
			return
		}
		number := w.number(o.at)
		b := &ring[number%int64(len(ring))]
		if number > b.number {
			*b = bucket{number: number}
		}
		switch {
		case number < b.number:
		case o.kind == Gap:
			b.Dead += o.count
		default:
			b.take(o)
		}
	})
}

func (w *Window) number(t time.Time) int64 { return t.UnixNano() / int64(w.step) }

// Newest is when the newest event happened that was taken; the zero time where none was.
func (w *Window) Newest() time.Time { return w.newest }

// Sums returns what a queue's events add up to: those of the window's whole time before now, and of less
// than a step more.
func (w *Window) Sums(queue string, now time.Time) Sums {
	return w.sum(w.queues[queue], now)
}

// Gaps returns how many events history lacks in that time.
func (w *Window) Gaps(now time.Time) int {
	s := w.sum(w.gaps, now)
	return s.Dead
}

func (w *Window) sum(ring []bucket, now time.Time) (sum Sums) {
	last := w.number(now)
	for i := range ring {
		if b := &ring[i]; b.number <= last && b.number >= last-w.steps {
			sum.Add(&b.Sums)
		}
	}
	return sum
}

// Steps returns what a queue's events add up to in each step, the oldest first. The last one is that of
// now and has just begun, or not.
func (w *Window) Steps(queue string, now time.Time) []Sums {
	ring, last := w.queues[queue], w.number(now)
	steps := make([]Sums, w.steps+1)
	for i := range ring {
		b := &ring[i]
		if at := b.number - (last - w.steps); at >= 0 && at < int64(len(steps)) {
			steps[at] = b.Sums
		}
	}
	return steps
}

// empty returns a window of the same queues and time that has taken nothing.
func (w *Window) empty() Window {
	return *NewWindow(time.Duration(w.steps)*w.step, w.step, slices.Collect(maps.Keys(w.queues))...)
}

// Reset forgets all that was taken.
func (w *Window) Reset() {
	for _, ring := range w.queues {
		clear(ring)
	}
	clear(w.gaps)
	w.newest = time.Time{}
}
