package worker

import (
	"math"
	"time"
)

// What a window is reckoned from.
const (
	// windowAhead is how much work is held ahead of each slot: more than a round trip to the broker
	// and a coalesced acknowledgement take.
	windowAhead = 20 * time.Millisecond
	// windowMax is the most that is held for the slots; the reserve comes on top.
	windowMax = 1000
	// windowRest is how long the window must have been too large before it shrinks: what has been
	// fetched must go back then, so a moment's halt is not enough.
	windowRest = 500 * time.Millisecond
	// reserveRest is the same for the reserve.
	reserveRest = 2 * time.Second
	// windowTasks is how many tasks of each slot the mean task time is over, and windowTasksMin how
	// many of all.
	windowTasks    = 5
	windowTasksMin = 20
)

// window reckons how many deliveries a queue should hold. These are one for each slot; those ahead
// of the slots, for windowAhead at the mean task time, so that slots do not wait for short tasks
// and long tasks are left to other workers, and at least one; and the reserve, places for those that
// are held for something else than a slot, which would keep from the slots what these could run.
//
// A change costs round trips, so there are few: ahead changes where it should be at least twice or
// at most half of what it is, or when it comes to its upper bound. It grows at once, but to no
// more than twice the tasks that have ended since the last tick: more is of no use, and where short
// tasks come one by one, the next may be a long one. It shrinks after windowRest.
//
// began and ended may be called by any number of goroutines and take no lock. The rest is one
// goroutine's.
type window struct {
	slots    int
	maxAhead int
	load     load

	ahead    int
	tooLarge time.Time // since when ahead has been; zero where it is not

	reserve int
	idle    time.Time // since when the reserve has been too large
	peak    int       // the most that were held since then
}

// newWindow returns the window of so many slots, as small as it can be: until it is known how long
// tasks take, others may have them.
func newWindow(concurrency int, now time.Time) *window {
	return &window{
		slots: concurrency, ahead: 1, maxAhead: max(windowMax-concurrency, 1), idle: now,
		load: load{epoch: now, memory: max(windowTasks*float64(concurrency), windowTasksMin)},
	}
}

// began counts a task as running.
func (w *window) began(at time.Time) { w.load.began(at) }

// ended takes back one call of began.
func (w *window) ended(at time.Time) { w.load.ended(at) }

// prefetch is how many deliveries to hold, running ones included: concurrency + 1 to MaxPrefetch.
func (w *window) prefetch() int { return min(w.slots+w.ahead+w.reserve, MaxPrefetch) }

// tick reckons anew and returns what prefetch is now, and whether it was something else before. It
// is to be called some ten times a second. held is how many deliveries wait for something else
// than a slot now: for their time, or for the limit of their pattern.
func (w *window) tick(now time.Time, held int) (prefetch int, changed bool) {
	before := w.prefetch()
	w.setAhead(now, w.load.measure(now))
	w.setReserve(now, held)
	return w.prefetch(), w.prefetch() != before
}

// setAhead sets ahead; ended is how many tasks have since the last time.
func (w *window) setAhead(now time.Time, ended int) {
	wanted := min(float64(w.slots)*w.load.over(windowAhead), float64(w.maxAhead))
	useful := min(wanted, float64(2*ended))
	switch {
	case useful >= float64(2*w.ahead), useful == float64(w.maxAhead):
		w.ahead = int(math.Ceil(useful))
		w.tooLarge = time.Time{}
	case wanted > float64(w.ahead)/2 || w.ahead == 1:
		w.tooLarge = time.Time{}
	case w.tooLarge.IsZero():
		w.tooLarge = now
	case now.Sub(w.tooLarge) >= windowRest:
		w.ahead = max(int(math.Ceil(wanted)), 1)
		w.tooLarge = time.Time{}
	}
}

// setReserve sets the reserve: twice what is held once that takes more than half of the places
// that are meant for the tasks ahead.
func (w *window) setReserve(now time.Time, held int) {
	switch {
	case 2*(held-w.reserve) > w.ahead+1:
		w.reserve = min(2*held, MaxPrefetch)
		w.idle, w.peak = now, 0
	case 4*held > w.reserve:
		w.idle, w.peak = now, 0
	default:
		w.peak = max(w.peak, held)
		if now.Sub(w.idle) >= reserveRest {
			w.reserve = 2 * w.peak
			w.idle, w.peak = now, 0
		}
	}
}
