package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"
)

// eventKind is what a line of a scheduler's log tells, as its message.
type eventKind string

// What is read of the logs. All else is left alone.
const (
	eventLeading    eventKind = "leading"
	eventNotLeading eventKind = "not leading any more"
	eventEmitted    eventKind = "tick emitted"
	eventConnected  eventKind = "connected to RabbitMQ" // at the level debug
)

// event is one line of a scheduler's log.
type event struct {
	process string
	At      time.Time `json:"time"`
	Kind    eventKind `json:"msg"`

	Term   uint64 `json:"term"`   // all but connected
	Reason string `json:"reason"` // not leading

	Entry string    `json:"entry"` // emitted
	Fire  time.Time `json:"scheduled_for"`
	ID    string    `json:"id"`

	Connection string `json:"connection"` // connected: what for
	URL        string `json:"url"`
}

// readEvent reads a line of a log. It returns false where the line is none that counts.
func readEvent(process string, line []byte) (event, bool) {
	e := event{process: process}
	if json.Unmarshal(line, &e) != nil {
		return event{}, false // not ours, or cut short by a kill
	}
	switch e.Kind {
	case eventLeading, eventNotLeading, eventEmitted, eventConnected:
		return e, true
	}
	return event{}, false
}

// chronicle is what the logs of all schedulers tell, in the order in which it is read. It is safe for
// use by any number of goroutines.
type chronicle struct {
	mu      sync.Mutex
	events  []event
	changed chan struct{} // closed and replaced with each event
}

func newChronicle() *chronicle { return &chronicle{changed: make(chan struct{})} }

// tap returns where the output of a process is to be copied to.
func (c *chronicle) tap(process string) io.Writer { return &tap{chronicle: c, process: process} }

// tap cuts the output of one process into lines.
type tap struct {
	chronicle *chronicle
	process   string
	begun     []byte // of a line
}

// Write takes what a process has written. It never fails.
func (t *tap) Write(p []byte) (int, error) {
	t.begun = append(t.begun, p...)
	for {
		line, rest, whole := bytes.Cut(t.begun, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		if e, counts := readEvent(t.process, line); counts {
			t.chronicle.add(e)
		}
		t.begun = bytes.Clone(rest)
	}
}

func (c *chronicle) add(e event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	close(c.changed)
	c.changed = make(chan struct{})
}

// told returns what is known so far, and what is closed when there is more.
func (c *chronicle) told() ([]event, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events), c.changed
}

// awaitLeader blocks until a process leads that has not been ended, and returns what it said when it
// began. The error is that of ctx.
func (c *chronicle) awaitLeader(ctx context.Context, ended func(process string) bool) (event, error) {
	for {
		events, more := c.told()
		if e, leads := leader(events); leads && !ended(e.process) {
			return e, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return event{}, context.Cause(ctx)
		}
	}
}

// leader returns what the process that was the last to lead has said, and whether it still does as
// far as it says.
func leader(events []event) (event, bool) {
	var last event
	for _, e := range events {
		switch {
		case e.Kind == eventLeading && !e.At.Before(last.At):
			last = e
		case e.Kind == eventNotLeading && e.process == last.process:
			last = event{At: last.At}
		}
	}
	return last, last.process != ""
}

// urlOf returns the address that a process has most of its connections to, empty where it told of none.
func urlOf(events []event, process string) string {
	newest := map[string]string{} // by what the connection is for
	for _, e := range events {
		if e.Kind == eventConnected && e.process == process {
			newest[e.Connection] = e.URL
		}
	}
	count, most := map[string]int{}, ""
	for _, url := range newest {
		if count[url]++; count[url] > count[most] || count[url] == count[most] && url < most {
			most = url
		}
	}
	return most
}
