package history

import (
	"bytes"
	"strconv"
	"time"

	"github.com/warrenmq/warren/streams"
)

// outcome is what is added up of an event: that a task's turn ended, or that events are missing.
type outcome struct {
	at    time.Time
	kind  Kind
	queue []byte
	// wait and took are known where waited and ran say so.
	wait, took  Millis
	waited, ran bool
	count       int // of a gap
}

// counts reports whether events of a kind are added up: the ends of turns. A start tells of its wait too,
// and would count it twice.
func counts(k Kind) bool {
	switch k {
	case Succeeded, Retried, Snoozed, Dead, Revoked, Gap:
		return true
	}
	return false
}

// eachOutcome gives what is to be added up of a record. The outcome is valid during the call.
func eachOutcome(r streams.Record, each func(*outcome)) {
	if _, marker := r.Headers[streams.HeaderMarker]; marker {
		return
	}
	var o outcome
	for line := range bytes.Lines(r.Body) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if !o.scan(line) {
			o.parse(line, r.Time)
		}
		if counts(o.kind) {
			each(&o)
		}
	}
}

// parse reads any line, as [Filter.Events] does.
func (o *outcome) parse(line []byte, recorded time.Time) {
	e, ok := parseEvent(line)
	if !ok {
		e = Event{At: recorded, Event: Gap, Count: 1}
	}
	*o = outcome{at: e.At, kind: e.Event, queue: []byte(e.Queue), count: e.Count}
	if e.Wait != nil {
		o.wait, o.waited = *e.Wait, true
	}
	if e.Duration != nil {
		o.took, o.ran = *e.Duration, true
	}
}

var (
	lineStart  = []byte(`{"at":"`)
	kindField  = []byte(`","event":"`)
	queueField = []byte(`,"queue":"`)
	waitField  = []byte(`,"wait_ms":`)
	tookField  = []byte(`,"duration_ms":`)
)

// scan reads a line as [Event.append] writes it, in a fraction of the time that parse takes, and returns false
// for any other: minutes of history may be a million of them. A field's name with its quotes cannot be a part of a text: there they stand behind a backslash.
func (o *outcome) scan(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, lineStart)
	if !ok || len(rest) < len(timeFormat) || rest[len(timeFormat)-1] != 'Z' || line[len(line)-1] != '}' {
		return false
	}
	at, rest := rest[:len(timeFormat)], rest[len(timeFormat):]
	if rest, ok = bytes.CutPrefix(rest, kindField); !ok {
		return false
	}
	kind, rest, ok := bytes.Cut(rest, []byte{'"'})
	if !ok {
		return false
	}
	*o = outcome{kind: knownKind(kind)}
	if o.kind == "" || o.kind == Gap {
		return false
	}
	if !counts(o.kind) {
		return true
	}
	var err error
	if o.at, err = time.Parse(time.RFC3339, string(at)); err != nil {
		return false
	}
	if _, value, found := bytes.Cut(rest, queueField); found {
		if o.queue, _, ok = bytes.Cut(value, []byte{'"'}); !ok || bytes.IndexByte(o.queue, '\\') >= 0 {
			return false
		}
	}
	o.wait, o.waited, ok = scanMillis(rest, waitField)
	if !ok {
		return false
	}
	o.took, o.ran, ok = scanMillis(rest, tookField)
	return ok
}

// knownKind returns the kind that a text is, without a copy of it, and "" where it is none.
func knownKind(text []byte) Kind {
	for _, k := range allKinds {
		if string(text) == string(k) {
			return k
		}
	}
	return ""
}

var allKinds = Kinds()

// scanMillis returns the number of a field. ok is false where something else stands there.
func scanMillis(line, field []byte) (m Millis, found, ok bool) {
	_, value, found := bytes.Cut(line, field)
	if !found {
		return 0, false, true
	}
	end := bytes.IndexAny(value, ",}")
	if end < 0 {
		return 0, false, false
	}
	n, err := strconv.ParseFloat(string(value[:end]), 64)
	return Millis(n), err == nil, err == nil
}
