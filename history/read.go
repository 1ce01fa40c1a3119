package history

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/warrenmq/warren/streams"
)

// StreamReader reads a stream from a place to where it ended when the reading began. broker.Client is
// one.
type StreamReader interface {
	ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error
}

// Filter chooses events: those that all of its fields that are set choose. Gaps are always chosen but
// by time and kind: what they stand for may have been any event.
type Filter struct {
	// Since and Until bound when it happened: since <= at < until.
	Since, Until time.Time
	// Task is a task's ID.
	Task string
	// Queue is a queue's name.
	Queue string
	// Batch is a batch's ID.
	Batch string
	// Key says which routing keys to choose. Nil: all, and events that have none.
	Key func(key string) bool
	// Kinds are the kinds to choose.
	Kinds []Kind
}

// skew is how far the clocks of a worker and of RabbitMQ may be apart for an event to be found by its
// time.
const skew = time.Minute

// From is where in the stream to begin to read: events are appended after they happen.
func (f *Filter) From() streams.Offset {
	if f.Since.IsZero() {
		return streams.First()
	}
	return streams.Since(f.Since.Add(-skew))
}

// Read reads the history to where it ends now, in the order in which it was appended, and gives the
// events that a filter chooses to each, whose error ends it. That is nearly the order in which they
// happened: workers append theirs some tenths of a second later, each its own. One record is in memory
// at a time. The errors are the reader's and those of each.
func Read(ctx context.Context, from StreamReader, stream string, f Filter, each func(Event) error) error {
	return from.ReadStream(ctx, stream, f.From(), func(r streams.Record) error { return f.Events(r, each) })
}

// Events gives the events of one record that the filter chooses to each, whose error ends it. A line
// that is no event is given as a [Gap] of one.
func (f *Filter) Events(r streams.Record, each func(Event) error) error {
	if _, marker := r.Headers[streams.HeaderMarker]; marker {
		return nil
	}
	for line := range bytes.Lines(r.Body) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || f.excludes(line) {
			continue
		}
		e, ok := parseEvent(line)
		if !ok {
			e = Event{At: r.Time, Event: Gap, Count: 1, Note: fmt.Sprintf("a line of record %d is no event", r.Offset)}
		}
		if !f.chooses(&e) {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

var gapField = []byte(`"event":"gap"`)

// excludes reports whether a line cannot be one that the filter chooses, without reading it: most are
// of other tasks where one is looked for.
func (f *Filter) excludes(line []byte) bool {
	for _, id := range [...]string{f.Task, f.Batch} {
		if id != "" && isPlain(id) && line[0] == '{' && !bytes.Contains(line, []byte(id)) && !bytes.Contains(line, gapField) {
			return true
		}
	}
	return false
}

// isPlain reports whether a text is the same in JSON, whoever writes it.
func isPlain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '/', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

func (f *Filter) chooses(e *Event) bool {
	switch {
	case !f.Since.IsZero() && e.At.Before(f.Since), !f.Until.IsZero() && !e.At.Before(f.Until):
		return false
	case len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Event):
		return false
	case e.Event == Gap:
		return true
	}
	if f.Key != nil && (e.Key == "" || !f.Key(e.Key)) {
		return false
	}
	return (f.Task == "" || e.ID == f.Task) && (f.Queue == "" || e.Queue == f.Queue) && (f.Batch == "" || e.Batch == f.Batch)
}
