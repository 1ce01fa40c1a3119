package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/warrenmq/warren/streams"
	"github.com/warrenmq/warren/tasks"
)

// Kind is what a record says.
type Kind string

// The kinds of records. Others are passed over: a later version may know more.
const (
	// KindTick is a task that was emitted and confirmed.
	KindTick Kind = "tick"
	// KindSkipped are fire times that will not be emitted.
	KindSkipped Kind = "skipped"
	// KindKnown is an entry that a leader's configuration has: for the first time, with another name or
	// timetable than before, or again.
	KindKnown Kind = "known"
	// KindAbsent is an entry that a leader's configuration has no longer.
	KindAbsent Kind = "absent"
	// KindSnapshot repeats what is known of entries.
	KindSnapshot Kind = "snapshot"
)

// Reason is why fire times are skipped.
type Reason string

// The reasons.
const (
	ReasonNone    Reason = "catch_up none" // the entry wants no missed tick
	ReasonLast    Reason = "catch_up last" // it wants the newest one only
	ReasonCap     Reason = "cap"           // there are more than it may catch up
	ReasonInvalid Reason = "invalid"       // the task cannot be published, however often it is tried
)

// Record is one line of the ledger. Which fields it has depends on its kind; times are UTC but for
// ScheduledFor, From and To, which are in the entry's zone.
type Record struct {
	Kind Kind `json:"kind"`
	// Entry is the entry's identity, which outlives its name; Name what it is called.
	Entry string `json:"entry,omitempty"`
	Name  string `json:"name,omitempty"`

	// Epoch is the epoch of the entry in which it was written; see [Entry].
	Epoch uint64 `json:"epoch,omitempty"`

	// ScheduledFor is a tick's fire time, ID its task's ID, Key the routing key.
	ScheduledFor time.Time `json:"scheduled_for,omitzero"`
	ID           string    `json:"id,omitempty"`
	Key          string    `json:"key,omitempty"`
	// LateMS is how much later than its fire time the tick was emitted, in milliseconds.
	LateMS int64 `json:"late_ms,omitempty"`
	// CaughtUp says that the tick had been missed, and was emitted since the entry catches up.
	CaughtUp bool `json:"caught_up,omitempty"`

	// From and To are the first and the last fire time that were skipped, Ticks is how many they are: so
	// many at least where AtLeast is set.
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
	Ticks   int       `json:"ticks,omitempty"`
	AtLeast bool      `json:"at_least,omitempty"`
	Reason  Reason    `json:"reason,omitempty"`

	// Timetable is the fingerprint of when the entry fires. Ticks after Since count.
	Timetable string    `json:"timetable,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	// AbsentSince is when a leader's configuration first lacked the entry.
	AbsentSince time.Time `json:"absent_since,omitzero"`

	// Snapshot names the snapshot that the record is a part of: Part of Parts, counted from 1. The last
	// part is appended once the others are confirmed.
	Snapshot string           `json:"snapshot,omitempty"`
	Part     int              `json:"part,omitempty"`
	Parts    int              `json:"parts,omitempty"`
	Entries  map[string]Entry `json:"entries,omitempty"`

	// ReadFrom is the offset from which on the stream says everything: what stands before it is in a
	// snapshot behind it. Nil where the writer knows of none yet. In a snapshot that counts only once
	// its last part has been appended.
	ReadFrom *uint64 `json:"read_from,omitempty"`
	// At is when it happened, by the writer's clock, to the microsecond: a tick was confirmed, the rest
	// was found out.
	At time.Time `json:"at"`
	// Term is the writer's term as leader, Scheduler its name.
	Term      uint64 `json:"term"`
	Scheduler string `json:"scheduler,omitempty"`

	// Offset is where in the stream the record stands.
	Offset uint64 `json:"-"`
}

// The bounds of a record's parts, in bytes; all of them are UTF-8. Those of IDs and keys are AMQP's own. A
// configuration whose entries keep them, and are [MaxEntries] at most, is one that [Writer.Know] does not refuse.
const (
	// MaxNameBytes bounds an entry's identity, which has one byte at least, and its name.
	MaxNameBytes = 255
	// MaxTimetableBytes bounds the fingerprint of an entry's timetable.
	MaxTimetableBytes = 4096

	// maxEpoch is what any reader of JSON can tell from its neighbours.
	maxEpoch       = 1<<53 - 1
	maxTextBytes   = 255
	maxRecordBytes = 1 << 20
	maxParts       = 1000
)

// Times outside of these bounds are not what a clock shows, and some cannot be written in RFC 3339.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ErrInvalidRecord is a record that says nothing that can be used, for errors.Is.
var ErrInvalidRecord = errors.New("invalid ledger record")

// Validate reports what is wrong with a record, as an [ErrInvalidRecord]. Unknown kinds are not.
func (r *Record) Validate() error {
	var err error
	switch r.Kind {
	case KindTick:
		err = errors.Join(checkText("entry", r.Entry, 1, MaxNameBytes), checkTime("scheduled_for", r.ScheduledFor),
			checkText("id", r.ID, 1, maxTextBytes), checkText("key", r.Key, 0, maxTextBytes))
	case KindSkipped:
		err = errors.Join(checkText("entry", r.Entry, 1, MaxNameBytes), checkTime("from", r.From), checkTime("to", r.To),
			checkText("reason", string(r.Reason), 0, maxTextBytes))
		if err == nil && (r.To.Before(r.From) || r.Ticks < 1) {
			err = fmt.Errorf("%d ticks from %s to %s", r.Ticks, r.From, r.To)
		}
	case KindKnown, KindAbsent:
		sight := r.sight()
		err = errors.Join(checkText("entry", r.Entry, 1, MaxNameBytes), sight.validate())
	case KindSnapshot:
		err = r.validateSnapshot()
	default:
		return nil
	}
	err = errors.Join(err, checkEpoch(r.Epoch), checkTime("at", r.At), checkText("name", r.Name, 0, MaxNameBytes),
		checkText("scheduler", r.Scheduler, 0, maxTextBytes))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalidRecord, r.Kind, err)
	}
	return nil
}

func (r *Record) validateSnapshot() error {
	switch {
	case r.Parts < 1 || r.Parts > maxParts || r.Part < 1 || r.Part > r.Parts:
		return fmt.Errorf("part %d of %d", r.Part, r.Parts)
	case r.ReadFrom == nil:
		return errors.New("read_from is missing")
	}
	for identity, e := range r.Entries {
		if err := errors.Join(checkText("identity", identity, 1, MaxNameBytes), e.validate()); err != nil {
			return fmt.Errorf("entry %.40q: %w", identity, err)
		}
	}
	return checkText("snapshot", r.Snapshot, 1, maxTextBytes)
}

func checkText(field, text string, low, high int) error {
	switch {
	case len(text) < low || len(text) > high:
		return fmt.Errorf("%s: %d bytes, it has %d..%d", field, len(text), low, high)
	case !utf8.ValidString(text):
		return fmt.Errorf("%s: %.40q is not UTF-8", field, text)
	}
	return nil
}

func checkEpoch(epoch uint64) error {
	if epoch > maxEpoch {
		return fmt.Errorf("epoch: %d, at most %d", epoch, uint64(maxEpoch))
	}
	return nil
}

func checkTime(field string, t time.Time) error {
	if t.Before(earliest) || !t.Before(latest) {
		return fmt.Errorf("%s: %s is not within the years 1970 to 8999", field, t)
	}
	return nil
}

// Encode returns the record as it is appended: one line of JSON.
func (r *Record) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRecord, err)
	}
	return line, nil
}

// Decode reads a record of the stream. What cannot be read is [ErrInvalidRecord]; so is what has more
// than 1 MiB, and a worker's reply to a task that asked for it here. A ReadFrom that points beyond the
// record itself is dropped.
func Decode(entry streams.Record) (Record, error) {
	fail := func(format string, args ...any) (Record, error) {
		return Record{}, fmt.Errorf("%w at offset %d: "+format, append([]any{ErrInvalidRecord, entry.Offset}, args...)...)
	}
	if _, reply := entry.Headers[tasks.HeaderStatus]; reply {
		return fail("a worker's reply")
	}
	if len(entry.Body) > maxRecordBytes {
		return fail("%d bytes, at most %d", len(entry.Body), maxRecordBytes)
	}
	var r Record
	if err := json.Unmarshal(entry.Body, &r); err != nil {
		return fail("%w", err)
	}
	if r.ReadFrom != nil && *r.ReadFrom > entry.Offset {
		r.ReadFrom = nil
	}
	if err := r.Validate(); err != nil {
		return Record{}, fmt.Errorf("at offset %d: %w", entry.Offset, err)
	}
	r.Offset = entry.Offset
	return r, nil
}

// start is where to begin to read so as to read everything, where the record says so: a part of a
// snapshot does not before the last one, since the others may be missing.
func (r *Record) start() (uint64, bool) {
	if r.ReadFrom == nil || r.Kind == KindSnapshot && r.Part < r.Parts {
		return 0, false
	}
	return *r.ReadFrom, true
}
