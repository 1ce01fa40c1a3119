package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Entry is what the ledger knows of an entry of the schedule. All times are UTC.
//
// What is settled only ever grows, within an epoch: where a clock that was wrong has settled ticks that are
// far ahead, [Writer.Restart] begins the next epoch, in which nothing is settled yet. What was written in an
// older one, and comes late, changes nothing.
type Entry struct {
	Name string `json:"name,omitempty"`
	// Timetable is the fingerprint of when it fires. Ticks after Since count; before that nothing is
	// missed.
	Timetable string    `json:"timetable,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	// AbsentSince is when a leader's configuration first lacked the entry; zero while it has it.
	AbsentSince time.Time `json:"absent_since,omitzero"`
	// SeenAt, SeenTerm and SeenEpoch are of the record that said all this last: known or absent.
	SeenAt    time.Time `json:"seen_at,omitzero"`
	SeenTerm  uint64    `json:"seen_term,omitempty"`
	SeenEpoch uint64    `json:"seen_epoch,omitempty"`
	// Epoch is the newest one, that of what follows.
	Epoch uint64 `json:"epoch,omitempty"`
	// Last is the newest fire time that is settled, emitted or skipped; zero where there is none.
	Last time.Time `json:"last,omitzero"`
	// Emitted is the newest fire time that was emitted; its ScheduledFor is zero where there is none.
	Emitted Emission `json:"emitted,omitzero"`
}

// Emission is a tick that was emitted.
type Emission struct {
	ScheduledFor time.Time `json:"scheduled_for"`
	// ID is the task's.
	ID string `json:"id"`
	// At is when it was confirmed.
	At time.Time `json:"at"`
}

// Position is the time up to which everything is settled: the ticks after it are to come.
func (e *Entry) Position() time.Time {
	if e.Last.After(e.Since) {
		return e.Last
	}
	return e.Since
}

// left returns since when no leader has had the entry, where it is absent. A tick that is newer tells that one
// had it nevertheless: the record that it is absent was an older leader's, and came late.
func (e *Entry) left() (since time.Time, absent bool) {
	if e.AbsentSince.IsZero() {
		return time.Time{}, false
	}
	since = e.AbsentSince
	for _, sign := range []time.Time{e.Last, e.Emitted.At} {
		if sign.After(since) {
			since = sign
		}
	}
	return since, true
}

// known reports whether a leader's configuration has, or had, the entry.
func (e *Entry) known() bool { return !e.SeenAt.IsZero() }

// merge adds what another says of the same entry. It is a maximum in each of three things, the sight,
// the settled time and the emission, of which each counts by its epoch first, so it matters neither in
// which order nor how often it is done.
func (e *Entry) merge(o Entry) {
	if e.compareSight(&o) < 0 {
		e.Name, e.Timetable, e.Since, e.AbsentSince = o.Name, o.Timetable, o.Since, o.AbsentSince
		e.SeenAt, e.SeenTerm, e.SeenEpoch = o.SeenAt, o.SeenTerm, o.SeenEpoch
	}
	switch {
	case o.Epoch < e.Epoch:
		return
	case o.Epoch > e.Epoch:
		e.Epoch, e.Last, e.Emitted = o.Epoch, time.Time{}, Emission{}
	}
	if o.Last.After(e.Last) {
		e.Last = o.Last
	}
	if e.Emitted.compare(&o.Emitted) < 0 {
		e.Emitted = o.Emitted
	}
}

// compareSight orders sights by their epoch, and in one by their time, which the writer lets ascend from one to the next of an
// entry whatever the clock does, and not by their term: terms begin anew where the lease's stream was
// deleted. What follows makes the order total.
func (e *Entry) compareSight(o *Entry) int {
	return cmp.Or(cmp.Compare(e.SeenEpoch, o.SeenEpoch), e.SeenAt.Compare(o.SeenAt), cmp.Compare(e.SeenTerm, o.SeenTerm), e.Since.Compare(o.Since),
		o.AbsentSince.Compare(e.AbsentSince), cmp.Compare(e.Timetable, o.Timetable), cmp.Compare(e.Name, o.Name))
}

func (m *Emission) compare(o *Emission) int {
	return cmp.Or(m.ScheduledFor.Compare(o.ScheduledFor), m.At.Compare(o.At), cmp.Compare(m.ID, o.ID))
}

// validate reports what is wrong with an entry that a leader has known.
func (e *Entry) validate() error {
	err := errors.Join(checkText("name", e.Name, 0, MaxNameBytes), checkText("timetable", e.Timetable, 0, MaxTimetableBytes),
		checkTime("since", e.Since), checkTime("seen_at", e.SeenAt))
	for _, optional := range []struct {
		field string
		time  time.Time
	}{
		{"absent_since", e.AbsentSince}, {"last", e.Last},
		{"scheduled_for", e.Emitted.ScheduledFor}, {"emitted at", e.Emitted.At},
	} {
		if !optional.time.IsZero() {
			err = errors.Join(err, checkTime(optional.field, optional.time))
		}
	}
	if e.SeenEpoch > e.Epoch {
		err = errors.Join(err, fmt.Errorf("seen_epoch: %d is newer than the epoch, %d", e.SeenEpoch, e.Epoch))
	}
	return errors.Join(err, checkEpoch(e.Epoch), checkText("id", e.Emitted.ID, 0, maxTextBytes))
}

// utc returns the entry with its times in UTC, without what only a running clock knows.
func (e Entry) utc() Entry {
	for _, t := range []*time.Time{
		&e.Since, &e.AbsentSince, &e.SeenAt, &e.Last, &e.Emitted.ScheduledFor, &e.Emitted.At,
	} {
		*t = t.Round(0).UTC()
	}
	return e
}
