// Package logtest keeps what programs log, for tests that read it while it is written. It knows nothing
// of what is logged.
package logtest

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Log is a log that several goroutines may write and read. Its zero value is empty.
type Log struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed with the next write, nil where nobody waits
}

// Write appends to the log. It never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return l.text.Write(p)
}

// String returns what has been written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Await blocks until a text has been written, and ends the test where it is not within a time.
func (l *Log) Await(t testing.TB, text string, within time.Duration) {
	t.Helper()
	deadline := time.After(within)
	for {
		has, changed := l.look(text)
		if has {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("not logged within %s: %s\n%s", within, text, l)
		}
	}
}

// look reports whether a text has been written, and returns what is closed with the next write.
func (l *Log) look(text string) (has bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return strings.Contains(l.text.String(), text), l.changed
}
