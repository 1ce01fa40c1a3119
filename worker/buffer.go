package worker

import (
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/time/rate"
)

// place is the item's among the runnable.
func (it *item) place() entry {
	return entry{rank: -int64(it.task.EffectivePriority()), arrival: it.arrival, item: it}
}

// buffer holds the deliveries that have not started: those that are not due yet by their time, the
// others by priority and then by arrival, so that a prefetched task is overtaken by one of a
// higher priority, and one that waits for its time takes nobody's slot. Nor does one that waits for
// its pattern's limit: the runnable are kept in groups, and who takes looks at the head of each.
//
// Of the signals: each event that lets one more delivery start wakes one taker, and all takers are
// alike, so that no delivery waits beside a taker. Those events are a push, a delivery's time, the
// end of one whose group was full, and a turn of the pace.
type buffer struct {
	clock clockwork.Clock
	lost  func(*item) bool // reports whether the delivery's session has ended; tests have their own

	mu       sync.Mutex
	ready    sync.Cond
	waiting  heap // by due time
	due      alarm
	groups   []*group          // the first is of those without a limit
	limited  map[string]*group // the others by pattern
	pace     *pace
	arrivals uint64
	sweepAt  int // how many may be held before lost ones are looked for
	closed   bool
	paused   bool // nothing is taken
}

// sweepMin is how many deliveries a buffer holds before it first looks for lost ones.
const sweepMin = 32

// newBuffer returns an empty buffer that lets at most limit tasks a second start, and burst of them
// at once after a pause; a limit of 0 is none.
func newBuffer(clock clockwork.Clock, limit rate.Limit, burst int) *buffer {
	b := &buffer{
		clock: clock, lost: func(it *item) bool { return it.delivery.Lost() },
		groups: []*group{{}}, limited: map[string]*group{}, sweepAt: sweepMin,
	}
	b.ready.L = &b.mu
	b.due = newAlarm(clock, b.wakeDue)
	b.pace = newPace(limit, burst, newAlarm(clock, b.wakeNext))
	return b
}

// push adds a delivery. It returns false when the buffer is closed: the delivery is the caller's.
func (b *buffer) push(it *item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	if b.size() >= b.sweepAt {
		b.forgetLost()
		b.sweepAt = max(2*b.size(), sweepMin)
	}
	b.arrivals++
	it.arrival = b.arrivals
	it.received = b.clock.Now()
	if !it.task.NotBefore.After(it.received) {
		b.release(it)
		return true
	}
	b.waiting.push(entry{rank: it.task.NotBefore.UnixNano(), arrival: it.arrival, item: it})
	if b.waiting[0].item == it {
		b.due.set(it.task.NotBefore.Sub(it.received))
	}
	return true
}

// size is how many deliveries are held.
func (b *buffer) size() int {
	size := len(b.waiting)
	for _, g := range b.groups {
		size += len(g.runnable)
	}
	return size
}

// count is how many deliveries are held that have not been lost.
func (b *buffer) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetLost()
	return b.size()
}

// forgetLost drops the deliveries of sessions that have ended. Where every slot is taken for long
// they would pile up, a prefetch of them with each loss.
func (b *buffer) forgetLost() {
	b.deleteFunc(func(e entry) bool { return b.lost(e.item) })
}

// deleteFunc takes out the entries for which del returns true.
func (b *buffer) deleteFunc(del func(entry) bool) {
	b.waiting.deleteFunc(del)
	for _, g := range b.groups {
		g.runnable.deleteFunc(del)
	}
}

// release puts a delivery among the runnable.
func (b *buffer) release(it *item) {
	g := b.groups[0]
	if it.limit > 0 {
		g = b.limited[it.pattern]
		if g == nil {
			g = &group{limit: it.limit}
			b.limited[it.pattern] = g
			b.groups = append(b.groups, g)
		}
	}
	g.runnable.push(it.place())
	b.ready.Signal()
}

// wakeDue is the due alarm's: it releases what has become due, and sets the alarm for what comes next.
func (b *buffer) wakeDue() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.promote()
	if len(b.waiting) > 0 {
		b.due.set(b.waiting[0].item.task.NotBefore.Sub(b.clock.Now()))
	}
}

// promote releases what is due.
func (b *buffer) promote() {
	if len(b.waiting) == 0 {
		return
	}
	now := b.clock.Now()
	for len(b.waiting) > 0 && !b.waiting[0].item.task.NotBefore.After(now) {
		b.release(b.waiting.pop())
	}
}

// wakeNext is the pace's: a turn has come. It takes the lock so that a taker that has just been
// refused is waiting by now.
func (b *buffer) wakeNext() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready.Signal()
}

// take blocks until a delivery may start and returns the one of the highest priority, or nil when
// the buffer is closed. Who took one of a limited pattern calls done when it has ended.
func (b *buffer) take() *item {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.closed {
		b.promote() // what is due now competes, whether or not the alarm has gone off
		g := b.next()
		if b.paused || g == nil || b.pace != nil && !b.pace.start(b.clock.Now()) {
			b.ready.Wait()
			continue
		}
		it := g.runnable.pop()
		if g.limit > 0 {
			g.running++
			it.group = g
		}
		if b.pace != nil {
			b.ready.Signal() // another taker waits for the next turn
		}
		return it
	}
	return nil
}

// next returns the group whose head is to start next, or nil. Lost heads are dropped here: they
// must not use up a turn of the pace.
func (b *buffer) next() *group {
	for {
		var best *group
		for _, g := range b.groups {
			if g.eligible() && (best == nil || g.runnable[0].before(best.runnable[0])) {
				best = g
			}
		}
		if best == nil || !b.lost(best.runnable[0].item) {
			return best
		}
		best.runnable.pop()
	}
}

// done tells that a delivery that was taken has ended, which makes room for another of its pattern.
// Only the first call for a delivery counts.
func (b *buffer) done(it *item) {
	if it.group == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	it.group.running--
	it.group = nil
	b.ready.Signal()
}

// held returns how many deliveries wait for something else than a slot: for their time, or for the
// limit of their pattern. They take up the window without being of use to the slots. Of those that
// wait for a limit at most windowMax count: they can be as many as the queue is long, and other
// workers may have room for them.
func (b *buffer) held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	blocked := 0
	for _, g := range b.groups {
		blocked += g.blocked()
	}
	return len(b.waiting) + min(blocked, windowMax)
}

// expire takes out the deliveries that arrived before a time and returns them, in no order. Lost
// ones are dropped. It looks at each delivery that is held.
func (b *buffer) expire(before time.Time) []*item {
	return b.remove(func(it *item) bool { return it.received.Before(before) })
}

// shed takes out all but the n runnable deliveries that come first by priority and arrival, and
// returns them in that order. Those that are not due are neither counted nor taken; lost ones are
// dropped before.
func (b *buffer) shed(n int) []*item {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetLost()
	var runnable []entry
	for _, g := range b.groups {
		runnable = append(runnable, g.runnable...)
	}
	if len(runnable) <= n {
		return nil
	}
	slices.SortFunc(runnable, entry.compare)
	surplus := heap(runnable[max(n, 0):])
	for _, g := range b.groups {
		g.runnable.deleteFunc(func(e entry) bool { return !e.before(surplus[0]) })
	}
	return surplus.items()
}

// hold keeps every take waiting, or lets them go on.
func (b *buffer) hold(paused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paused = paused
	b.ready.Broadcast()
}

// remove takes out the deliveries that are wanted and returns them, in no order. Lost ones are dropped.
func (b *buffer) remove(wanted func(*item) bool) []*item {
	b.mu.Lock()
	defer b.mu.Unlock()
	var removed []*item
	b.deleteFunc(func(e entry) bool {
		switch {
		case b.lost(e.item):
			return true
		case wanted(e.item):
			removed = append(removed, e.item)
			return true
		}
		return false
	})
	return removed
}

// close ends every take and returns what has not started.
func (b *buffer) close() []*item {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.due.stop()
	b.pace.stop()
	left := b.waiting.items()
	b.waiting = nil
	for _, g := range b.groups {
		left = append(left, g.runnable.items()...)
		g.runnable = nil
	}
	b.ready.Broadcast()
	return left
}
