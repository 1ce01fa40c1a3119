package worker

import (
	"bytes"
	"context"
	"hash/maphash"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// works knows which works of one queue this process has under way, and which it has decided about
// lately. A session can be lost at any moment; RabbitMQ then gives out again what was not
// acknowledged, also what runs here, and what is finished and whose acknowledgement it did not get.
// Both are recognised when they come back, so that neither is run a second time by this process.
//
// A delivery is recognised only where RabbitMQ says that it is a redelivery and the session of the
// one before it has ended, and not for long; each start stands for one delivery. So of two messages
// with one ID, as a producer publishes that tries again, one hides the other only where a session is
// lost between them and all of key, payload and settlement is the same.
type works struct {
	now      func() time.Time
	mu       sync.Mutex
	running  map[workName]*item // those of one name follow each other by item.next
	decided  map[workName]int   // the newest place in remembered
	remember []decided          // a ring
	next     int
	seed     maphash.Seed
}

// workName names one publishing of a work within its queue: each republishing raises the settlement. Where a
// republishing was doubled, and one of the two recounted, there are two of one settlement with different attempts:
// what was decided about the one is not what is to become of the other.
type workName struct {
	id         string
	settlement int
	attempt    int
}

// decided is what was decided about a delivery that may not have been settled in the broker's eyes:
// because its session was lost before, or because the acknowledgement may have been lost with it.
type decided struct {
	name     workName
	content  uint64 // what the foreign task under a careless ID is told apart by
	at       time.Time
	session  context.Context // while it lives, the settlement has reached the broker or will
	decision tasks.Decision
	replied  bool // it was carried out, but for the acknowledgement
}

// remembered is how many decisions are kept: several times what a session holds.
const remembered = 4096

// rememberFor is how long a decision is kept for its redelivery: RabbitMQ gives out again at once, or
// when it is there again.
const rememberFor = 5 * time.Minute

func newWorks(now func() time.Time) *works {
	return &works{
		now: now, running: map[workName]*item{}, decided: make(map[workName]int, remembered),
		remember: make([]decided, 0, remembered), seed: maphash.MakeSeed(),
	}
}

// name names an item. A foreign task that has no ID yet is named by its content: one that is being
// given an ID by a republish and comes again meanwhile must not be given another.
func (w *works) name(it *item) workName {
	if it.task.ID == "" {
		return workName{contentMark + strconv.FormatUint(w.contentOf(it), 36), it.task.Settlement, it.task.Attempt}
	}
	return workName{it.task.ID, it.task.Settlement, it.task.Attempt}
}

// contentMark begins the names that are made of contents; an ID that begins so is only not remembered.
const contentMark = "\x00"

func (n workName) ofContent() bool { return strings.HasPrefix(n.id, contentMark) }

// begin notes that a work is under way, until settled or leave is called for it.
func (w *works) begin(it *item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.enter(it)
}

// start is begin for a work whose session may have ended since it was delivered. It returns false
// where it has: the redelivery may be here already, as another item, and did not find this one.
func (w *works) start(it *item) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if it.delivery.Lost() {
		return false
	}
	w.enter(it)
	return true
}

// cancel ends the contexts of the runs of a task, with a cause.
func (w *works) cancel(id string, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, first := range w.running {
		if name.id != id {
			continue
		}
		for it := first; it != nil; it = it.next {
			if it.cancel != nil {
				it.cancel(cause)
			}
		}
	}
}

// enter puts an item into running, which end takes it out of. The caller holds the lock.
func (w *works) enter(it *item) {
	it.next = w.running[it.name]
	w.running[it.name] = it
}

// recognise looks for the work of a redelivery. If it is still under way it is joined: what comes
// of it will settle this delivery. If it was decided about, the decision is returned, to be applied
// to this delivery. Nothing is kept of a task without an ID: another that is like it may have been
// given back by another worker, and would be taken for the one that is finished and never run.
func (w *works) recognise(it *item) (joined bool, d tasks.Decision, known bool) {
	content := w.contentOf(it)
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := w.running[it.name]; r != nil; r = r.next {
		if r.delivery.Lost() && r.task.Key == it.task.Key && bytes.Equal(r.message.Body, it.message.Body) {
			r.delivery = it.delivery
			return true, tasks.Decision{}, true
		}
	}
	place, found := w.decided[it.name]
	if !found {
		return false, tasks.Decision{}, false
	}
	was := w.remember[place]
	if was.session.Err() == nil || was.content != content || w.now().Sub(was.at) > rememberFor {
		return false, tasks.Decision{}, false
	}
	delete(w.decided, it.name)
	it.replied = was.replied
	return false, was.decision, true
}

// delivery returns the delivery that a work under way stands for now.
func (w *works) delivery(it *item) delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return it.delivery
}

// settled ends a work that is dealt with but for its acknowledgement, and returns the delivery to
// acknowledge. If the acknowledgement is lost, the redelivery is known.
func (w *works) settled(it *item) delivery {
	content := w.contentOf(it)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end(it)
	it.replied = true
	w.keep(it, content, tasks.Decision{Action: tasks.Ack})
	return it.delivery
}

// leave ends a work whose session was lost before it could be settled, and keeps what was decided
// for its redelivery, if anything was. It returns false where the redelivery has come already: the work is then
// still under way, and to be settled.
func (w *works) leave(it *item, d tasks.Decision) bool {
	content := w.contentOf(it)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !it.delivery.Lost() {
		return false
	}
	w.end(it)
	if d.Action != tasks.Requeue {
		w.keep(it, content, d)
	}
	return true
}

// abandon ends a work that is given back undecided, and returns the delivery to give back.
func (w *works) abandon(it *item) delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end(it)
	return it.delivery
}

// end takes an item out of running. The caller holds the lock.
func (w *works) end(it *item) {
	first := w.running[it.name]
	switch {
	case first == it && it.next == nil:
		delete(w.running, it.name)
	case first == it:
		w.running[it.name] = it.next
	default:
		for r := first; r != nil; r = r.next {
			if r.next == it {
				r.next = it.next
			}
		}
	}
	it.next = nil
}

// keep remembers a decision in the place of the oldest. The caller holds the lock.
func (w *works) keep(it *item, content uint64, d tasks.Decision) {
	if it.name.ofContent() {
		return
	}
	if len(w.remember) < remembered {
		w.remember = append(w.remember, decided{})
	} else if old := w.remember[w.next].name; w.decided[old] == w.next {
		delete(w.decided, old)
	}
	w.remember[w.next] = decided{name: it.name, content: content, at: w.now(), session: it.delivery.Context(), decision: d, replied: it.replied}
	w.decided[it.name] = w.next
	w.next = (w.next + 1) % remembered
}

// contentOf is a hash of a task's key and payload.
func (w *works) contentOf(it *item) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	_, _ = h.WriteString(it.task.Key) // a hash takes everything
	_ = h.WriteByte(0)                // no byte of a key
	_, _ = h.Write(it.message.Body)
	return h.Sum64()
}
