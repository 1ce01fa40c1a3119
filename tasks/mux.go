package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/warrenmq/warren/routing"
)

// Mux finds the handler of a task by its key: patterns in AMQP's sense, the most specific match
// wins (word by word from the left a literal before `*` before `#`, then the longer pattern). One
// mux serves one queue. Handlers are added before it is used; it may then be used by any number of
// goroutines.
type Mux struct {
	entries []muxEntry // the most specific first
	err     error
}

type muxEntry struct {
	pattern routing.Pattern
	handler Handler
	limited bool
	limit   int // 0 where not limited
}

// NewMux returns a mux without handlers.
func NewMux() *Mux { return &Mux{} }

// Handle adds a handler for the keys that a pattern matches. A bad pattern, the same pattern
// twice, a nil handler, or an option out of its bounds is kept as an error that [Mux.Err] returns,
// and worker.New with it.
func (m *Mux) Handle(pattern string, h Handler, opts ...HandleOption) {
	p, err := routing.ParsePattern(pattern)
	switch {
	case err != nil:
		m.err = errors.Join(m.err, fmt.Errorf("%w: %w", ErrInvalidMux, err))
		return
	case h == nil || isNilFunc(h):
		m.err = errors.Join(m.err, fmt.Errorf("%w: pattern %q: the handler is nil", ErrInvalidMux, pattern))
		return
	}
	at, found := slices.BinarySearchFunc(m.entries, p, func(e muxEntry, p routing.Pattern) int {
		return e.pattern.Compare(p)
	})
	if found {
		m.err = errors.Join(m.err, fmt.Errorf("%w: pattern %q is handled twice", ErrInvalidMux, pattern))
		return
	}
	entry := muxEntry{pattern: p, handler: h}
	for _, opt := range opts {
		opt(&entry)
	}
	if entry.limited && (entry.limit < 1 || entry.limit > MaxConcurrency) {
		m.err = errors.Join(m.err, fmt.Errorf("%w: pattern %q: concurrency: %d is not within 1..%d",
			ErrInvalidMux, pattern, entry.limit, MaxConcurrency))
		return
	}
	m.entries = slices.Insert(m.entries, at, entry)
}

func isNilFunc(h Handler) bool {
	f, ok := h.(HandlerFunc)
	return ok && f == nil
}

// HandleFunc adds a function as a handler, as [Mux.Handle] does.
func (m *Mux) HandleFunc(pattern string, f func(ctx context.Context, t *Task) error, opts ...HandleOption) {
	m.Handle(pattern, HandlerFunc(f), opts...)
}

// Err returns what was wrong with the patterns and handlers that were added, nil where nothing
// was. Each error is [ErrInvalidMux].
func (m *Mux) Err() error { return m.err }

// Find returns the handler of a key and the pattern that won. The last result is false where no
// pattern matches.
func (m *Mux) Find(key string) (Handler, routing.Pattern, bool) {
	if e := m.find(key); e != nil {
		return e.handler, e.pattern, true
	}
	return nil, routing.Pattern{}, false
}

// Match finds the handler of a task and keeps it with the task, so that [Mux.HandleTask] need not find
// it again. It returns the pattern that won, empty where none matches, and how many tasks of that
// pattern may run at a time, 0 where only the queue limits them. Of several calls for one task the first
// alone costs something.
func (m *Mux) Match(t *Task) (pattern string, limit int) {
	if !t.match.of(m, t.Key) {
		t.match = match{mux: m, key: t.Key, entry: m.find(t.Key)}
	}
	if e := t.match.entry; e != nil {
		return e.pattern.String(), e.limit
	}
	return "", 0
}

// match is what a mux has found for a key.
type match struct {
	mux   *Mux
	key   string
	entry *muxEntry // nil where no pattern matches
}

// of reports whether it is what a mux finds for a key.
func (f *match) of(m *Mux, key string) bool { return f.mux == m && f.key == key }

// Patterns returns the patterns that there are handlers for, the most specific first.
func (m *Mux) Patterns() []string {
	patterns := make([]string, len(m.entries))
	for i, e := range m.entries {
		patterns[i] = e.pattern.String()
	}
	return patterns
}

// find returns the entry of a key, nil where no pattern matches.
func (m *Mux) find(key string) *muxEntry {
	for i := range m.entries {
		if m.entries[i].pattern.Match(key) {
			return &m.entries[i]
		}
	}
	return nil
}

// HandleTask runs the task by the handler of its key. Where there is none it returns an error that
// is [ErrNoHandler]. A task whose payload is still encrypted, because no middleware has decrypted it,
// is not run: its error is [ErrUndecryptable].
func (m *Mux) HandleTask(ctx context.Context, t *Task) error {
	if t.KeyID != "" {
		return fmt.Errorf("%w: it is encrypted with key %.40q, and this worker has no keys", ErrUndecryptable, t.KeyID)
	}
	e := t.match.entry
	if !t.match.of(m, t.Key) {
		e = m.find(t.Key)
	}
	if e == nil {
		return fmt.Errorf("%w for key %q", ErrNoHandler, t.Key)
	}
	return e.handler.HandleTask(ctx, t)
}
