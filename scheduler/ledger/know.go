package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Known is an entry of a leader's configuration.
type Known struct {
	// Entry is its identity, Name what it is called.
	Entry, Name string
	// Timetable is the fingerprint of when it fires: where it changes, ticks count from now on.
	Timetable string
}

// ErrTooManyEntries is a configuration of more than [MaxEntries], for errors.Is.
var ErrTooManyEntries = errors.New("too many entries")

// Know tells the ledger all entries of the leader's configuration; it is to be called at the beginning
// of the term and whenever the configuration changes. It appends what has changed, blocks until that is
// confirmed, and writes a snapshot where one is due, as at the beginning of the term.
//
// The ticks of an entry that is new, or has another timetable, count from now on. An entry that the
// configuration has no longer is kept as absent: if one has it again within an hour it goes on as though
// it had not been away, later it begins anew. After 30 days it is forgotten.
//
// The error is [ErrTooManyEntries], [ErrInvalidRecord], which also says that two entries have one
// identity, or the stream's.
func (w *Writer) Know(ctx context.Context, entries ...Known) error {
	w.knowing.Lock()
	defer w.knowing.Unlock()
	if len(entries) > MaxEntries {
		return fmt.Errorf("%w: %d, at most %d", ErrTooManyEntries, len(entries), MaxEntries)
	}
	changes, err := w.changes(entries)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		if err := w.append(ctx, changes...); err != nil {
			return fmt.Errorf("entries of the schedule: %w", err)
		}
	}
	w.snapshotIfDue(ctx)
	return nil
}

// changes returns what is to be appended so that the ledger knows a configuration, and makes room for
// its entries in the state.
func (w *Writer) changes(entries []Known) ([]Record, error) {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	var changes []Record
	has := make(map[string]bool, len(entries))
	added := 0
	for _, k := range entries {
		if has[k.Entry] {
			return nil, fmt.Errorf("%w: two entries are %.40q", ErrInvalidRecord, k.Entry)
		}
		has[k.Entry] = true
		e, found := w.state.entries[k.Entry]
		if !found {
			added++
		}
		if next := e.seen(k, now); next != e {
			changes = append(changes, next.record(KindKnown, k.Entry))
		}
	}
	for identity, e := range w.state.entries {
		if !has[identity] && e.AbsentSince.IsZero() {
			e.AbsentSince, e.SeenAt = now, later(now, e.SeenAt)
			changes = append(changes, e.record(KindAbsent, identity))
		}
	}
	w.state.forget(now, MaxEntries-added)
	return changes, nil
}

// seen returns an entry, or the zero one, as it is once a configuration has it: the same one where that
// says nothing new.
func (e Entry) seen(k Known, now time.Time) Entry {
	since := e.Since
	gone := !e.AbsentSince.IsZero() && now.Sub(e.AbsentSince) > returns
	if !e.known() || gone || e.Timetable != k.Timetable {
		since = now
	} else if e.AbsentSince.IsZero() && e.Name == k.Name {
		return e
	}
	e.Name, e.Timetable, e.Since, e.AbsentSince = k.Name, k.Timetable, since, time.Time{}
	e.SeenAt = later(now, e.SeenAt)
	return e
}

func (e *Entry) record(kind Kind, identity string) Record {
	return Record{
		Kind: kind, Entry: identity, Name: e.Name, Timetable: e.Timetable,
		Since: e.Since, AbsentSince: e.AbsentSince, At: e.SeenAt,
	}
}

// later returns now or, where the clock does not show that yet, the next moment after another.
func later(now, than time.Time) time.Time {
	if now.After(than) {
		return now
	}
	return than.Add(time.Microsecond)
}
