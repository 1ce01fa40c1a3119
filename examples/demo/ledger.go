package main

import (
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// place is where a task has ended.
type place int

// The places.
const (
	nowhere place = iota
	done          // its handler succeeded
	dead          // in the dead-letter queue of its queue
	parked        // in the unrouted queue
)

// String returns the place as the report names it.
func (p place) String() string {
	return [...]string{"nowhere", "done", "dead", "parked"}[p]
}

// run is one start of a task, as its handler saw it.
type run struct {
	id, key, queue string
	attempt        int
	notBefore      time.Time // the zero time: at once
	at             time.Time // when it arrived
	status         int       // what was answered
}

func (r run) succeeded() bool { return 200 <= r.status && r.status < 300 }

// String is the run as one line.
func (r run) String() string {
	return fmt.Sprintf("%s  %-11s  %-22s  attempt %d  %d %s",
		r.at.Format(time.TimeOnly), r.queue, r.key, r.attempt, r.status, http.StatusText(r.status))
}

// entry is what is known of one published task.
type entry struct {
	kind      *kind
	published time.Time
	runs      []run
}

func (e *entry) succeeded() bool {
	for _, r := range e.runs {
		if r.succeeded() {
			return true
		}
	}
	return false
}

// ledger is the account of every task: what was published, what ran, and what lies in the queues
// where tasks end. It is safe for use by any number of goroutines.
type ledger struct {
	mu      sync.Mutex
	entries map[string]*entry
	strays  map[string]*entry // what ran and is not known as published; ticks become known later
	dead    map[string]tasks.Reason
	parked  map[string]bool
}

func newLedger() *ledger {
	return &ledger{entries: map[string]*entry{}, strays: map[string]*entry{}}
}

// publish notes a task that is about to be published. Runs that came before count.
func (l *ledger) publish(id string, k *kind, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ran := l.strays[id]
	if !ran {
		e = &entry{}
	}
	delete(l.strays, id)
	e.kind, e.published = k, at
	l.entries[id] = e
}

// record notes a run.
func (l *ledger) record(r run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[r.id]
	if e == nil {
		e = l.strays[r.id]
	}
	if e == nil {
		e = &entry{}
		l.strays[r.id] = e
	}
	e.runs = append(e.runs, r)
}

// find notes what lies in the dead-letter queues, by reason, and in the unrouted queue.
func (l *ledger) find(deadLetters map[string]tasks.Reason, parkedTasks map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead, l.parked = maps.Clone(deadLetters), maps.Clone(parkedTasks)
}

// places returns all places where a task is.
func (l *ledger) places(id string, e *entry) []place {
	var all []place
	if e.succeeded() {
		all = append(all, done)
	}
	if _, is := l.dead[id]; is {
		all = append(all, dead)
	}
	if l.parked[id] {
		all = append(all, parked)
	}
	return all
}

// settled returns how many of the published tasks have ended somewhere, and how many there are.
func (l *ledger) settled() (ended, published int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, e := range l.entries {
		if len(l.places(id, e)) > 0 {
			ended++
		}
	}
	return ended, len(l.entries)
}
