package worker

import (
	"container/heap"
	"slices"
	"sync"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

// item is a delivery on its way through the worker.
type item struct {
	delivery *broker.Delivery
	task     tasks.Task
	priority int
	arrival  uint64
}

// buffer holds the deliveries that have not started: those that are not due yet by their time, the
// others by priority and then by arrival, so that a prefetched task is overtaken by one of a
// higher priority, and one that waits for its time takes nobody's slot.
type buffer struct {
	clock    clockwork.Clock
	capacity int // beyond which there must be lost ones among the deliveries

	mu       sync.Mutex
	ready    sync.Cond // told when runnable has grown or the buffer is closed
	waiting  byDue
	runnable byPriority
	timer    clockwork.Timer // runs out when the first of waiting is due; nil before it was needed
	arrivals uint64
	closed   bool
}

// newBuffer returns a buffer for at most capacity deliveries of one session.
func newBuffer(clock clockwork.Clock, capacity int) *buffer {
	b := &buffer{clock: clock, capacity: capacity}
	b.ready.L = &b.mu
	return b
}

// push adds a delivery. It returns false when the buffer is closed: the delivery is the caller's.
func (b *buffer) push(it *item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	if len(b.runnable)+len(b.waiting) >= b.capacity {
		b.forgetLost()
	}
	b.arrivals++
	it.arrival = b.arrivals
	it.priority = it.task.EffectivePriority()
	if !it.task.NotBefore.After(b.clock.Now()) {
		heap.Push(&b.runnable, it)
		b.ready.Signal()
		return true
	}
	heap.Push(&b.waiting, it)
	if b.waiting[0] == it {
		b.setTimer()
	}
	return true
}

// forgetLost drops the deliveries of sessions that have ended. Where every slot is taken for long they
// would pile up, a prefetch of them with each loss.
func (b *buffer) forgetLost() {
	lost := func(it *item) bool { return it.delivery.Lost() }
	b.runnable = slices.DeleteFunc(b.runnable, lost)
	heap.Init(&b.runnable)
	b.waiting = slices.DeleteFunc(b.waiting, lost)
	heap.Init(&b.waiting)
}

// setTimer sets the timer for the first of waiting.
func (b *buffer) setTimer() {
	wait := b.waiting[0].task.NotBefore.Sub(b.clock.Now())
	if b.timer == nil {
		b.timer = b.clock.AfterFunc(wait, b.wake)
		return
	}
	b.timer.Reset(wait)
}

// wake is the timer's: it moves what has become due, and sets the timer for what comes next.
func (b *buffer) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.promote()
	if len(b.waiting) > 0 {
		b.setTimer()
	}
}

// promote moves what is due to the runnable.
func (b *buffer) promote() {
	if len(b.waiting) == 0 {
		return
	}
	now := b.clock.Now()
	for len(b.waiting) > 0 && !b.waiting[0].task.NotBefore.After(now) {
		heap.Push(&b.runnable, heap.Pop(&b.waiting))
		b.ready.Signal()
	}
}

// take blocks until a delivery may start and returns the one of the highest priority, or nil when
// the buffer is closed.
func (b *buffer) take() *item {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.closed {
		b.promote() // what is due now competes, whether or not the timer has been told
		if len(b.runnable) > 0 {
			return heap.Pop(&b.runnable).(*item)
		}
		b.ready.Wait()
	}
	return nil
}

// close ends every take and returns what has not started.
func (b *buffer) close() []*item {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.timer != nil {
		b.timer.Stop()
	}
	left := append([]*item(b.runnable), b.waiting...)
	b.runnable, b.waiting = nil, nil
	b.ready.Broadcast()
	return left
}

type byPriority []*item

func (h byPriority) Len() int { return len(h) }
func (h byPriority) Less(i, j int) bool {
	if h[i].priority != h[j].priority {
		return h[i].priority > h[j].priority
	}
	return h[i].arrival < h[j].arrival
}
func (h byPriority) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *byPriority) Push(x any)   { *h = append(*h, x.(*item)) }
func (h *byPriority) Pop() any     { return popLast((*[]*item)(h)) }

type byDue []*item

func (h byDue) Len() int { return len(h) }
func (h byDue) Less(i, j int) bool {
	if !h[i].task.NotBefore.Equal(h[j].task.NotBefore) {
		return h[i].task.NotBefore.Before(h[j].task.NotBefore)
	}
	return h[i].arrival < h[j].arrival
}
func (h byDue) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *byDue) Push(x any)   { *h = append(*h, x.(*item)) }
func (h *byDue) Pop() any     { return popLast((*[]*item)(h)) }

func popLast(items *[]*item) *item {
	last := len(*items) - 1
	it := (*items)[last]
	(*items)[last] = nil
	*items = (*items)[:last]
	return it
}
