package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Known is an entry of a leader's configuration.
type Known struct {
	// Entry is its identity, 1 to [MaxNameBytes] bytes of UTF-8; no other entry has it. Name is what it is
	// called, of at most as many.
	Entry, Name string
	// Timetable is the fingerprint of when it fires, at most [MaxTimetableBytes] of UTF-8: where it changes,
	// ticks count from now on.
	Timetable string
}

// ErrTooManyEntries is a configuration of more than [MaxEntries], for errors.Is.
var ErrTooManyEntries = errors.New("too many entries")

// Know tells the ledger all entries of the leader's configuration; it is to be called at the beginning
// of the term and whenever the configuration changes. It appends what has changed and blocks until that is
// confirmed. Where it is not the first call of the term it writes a snapshot if one is due: so where nothing
// is emitted for long, it may be called again now and then, that readers need not read all that lies
// between.
//
// The ticks of an entry that is new, or has another timetable, count from now on. An entry that the
// configuration has no longer is kept as absent: if one has it again within an hour it goes on as though
// it had not been away, later it begins anew. After 30 days it is forgotten.
//
// The error is [ErrTooManyEntries] where they are more than [MaxEntries], [ErrInvalidRecord] where one is not
// as [Known] says or the clock shows a year outside of 1970 to 8999, or the stream's.
func (w *Writer) Know(ctx context.Context, entries ...Known) error {
	first, err := w.know(ctx, entries)
	if err != nil {
		return err
	}
	if !first || w.overweight() { // the first ticks do not wait for a snapshot
		w.snapshotIfDue(ctx)
	}
	return nil
}

// know reports whether it is the first one of the term that succeeds.
func (w *Writer) know(ctx context.Context, entries []Known) (first bool, err error) {
	w.knowing.Lock()
	defer w.knowing.Unlock()
	if len(entries) > MaxEntries {
		return false, fmt.Errorf("%w: %d, at most %d", ErrTooManyEntries, len(entries), MaxEntries)
	}
	gone, found, err := w.changes(entries)
	if err != nil {
		return false, err
	}
	if err := w.appendChanges(ctx, gone); err != nil {
		return false, err
	}
	w.makeRoom(found)
	if err := w.appendChanges(ctx, found); err != nil {
		return false, err
	}
	w.overruled = nil // all has been told anew
	first, w.knows = !w.knows, true
	return first, nil
}

func (w *Writer) appendChanges(ctx context.Context, changes []Record) error {
	if len(changes) == 0 {
		return nil
	}
	if err := w.append(ctx, changes...); err != nil {
		return fmt.Errorf("entries of the schedule: %w", err)
	}
	return nil
}

// changes returns what is to be appended so that the ledger knows a configuration: of the entries that
// it has no longer, and of those that it has.
func (w *Writer) changes(entries []Known) (gone, found []Record, err error) {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	has := make(map[string]bool, len(entries))
	for _, k := range entries {
		if has[k.Entry] {
			return nil, nil, fmt.Errorf("%w: two entries are %.40q", ErrInvalidRecord, k.Entry)
		}
		has[k.Entry] = true
		e := w.state.entries[k.Entry]
		if next := e.seen(k, now); next != e {
			found = append(found, next.record(KindKnown, k.Entry))
		}
	}
	for identity, e := range w.state.entries {
		if !has[identity] && e.AbsentSince.IsZero() {
			e.AbsentSince, e.SeenAt = now, later(now, e.SeenAt)
			gone = append(gone, e.record(KindAbsent, identity))
		}
	}
	return gone, found, nil
}

// makeRoom forgets absent entries, as far as those that come need it.
func (w *Writer) makeRoom(come []Record) {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	added := 0
	for i := range come {
		if _, found := w.state.entries[come[i].Entry]; !found {
			added++
		}
	}
	w.state.forget(now, MaxEntries-added)
}

// seen returns an entry, or the zero one, as it is once a configuration has it: the same one where that
// says nothing new.
func (e Entry) seen(k Known, now time.Time) Entry {
	since := e.Since
	left, gone := e.left()
	if !e.known() || gone && now.Sub(left) > returns || e.Timetable != k.Timetable {
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
		Kind: kind, Entry: identity, Name: e.Name, Epoch: e.Epoch, Timetable: e.Timetable,
		Since: e.Since, AbsentSince: e.AbsentSince, At: e.SeenAt,
	}
}

// later returns now or, where the clock does not show that yet, the next moment after another, within
// the bounds of a record's time.
func later(now, than time.Time) time.Time {
	if now.After(than) {
		return now
	}
	if next := than.Add(time.Microsecond); next.Before(latest) {
		return next
	}
	return than
}
