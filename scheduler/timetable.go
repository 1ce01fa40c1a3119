package scheduler

import (
	"slices"
	"strings"
	"time"
)

// Timetable is when an entry fires, and nothing else of it: a pure sequence of whole seconds, the
// same on every machine with the same IANA data. [Entry.Timetable] makes one; the zero value never
// fires. It may be used by several goroutines.
type Timetable struct {
	ticks ticks
	zone  *time.Location
	text  string
}

// ticks is a strictly ascending sequence of fire times.
type ticks interface {
	// next returns the first strictly after a time, the zero time where there is none.
	next(after time.Time) time.Time
}

// newCron returns the timetable of a cron expression.
func newCron(text string, zone *time.Location) (Timetable, error) {
	spec, err := parseCron(text)
	if err != nil {
		return Timetable{}, err
	}
	words := strings.Fields(strings.ToLower(text))
	return Timetable{calendar{spec, zone}, zone, "cron " + strings.Join(words, " ") + " " + zone.String()}, nil
}

// String is the fingerprint of the timing: two entries that are said to fire alike have the same one,
// whatever else of them differs, and it is the same in every version. It begins with cron, every or
// at, such as "cron 0 9 * * mon-fri Asia/Tokyo", "every 1h30m0s" or "at 2026-12-24T18:00:00
// Europe/Berlin". Cron expressions that differ in more than case and spaces count as different.
func (t Timetable) String() string { return t.text }

// Next returns the first fire time strictly after a time, in the entry's zone; the zero time where
// there is none, or for cron none within five years, as for 29 February before the year 2100.
func (t Timetable) Next(after time.Time) time.Time {
	if t.ticks == nil {
		return time.Time{}
	}
	next := t.ticks.next(after.Round(0)) // the wall clock counts, not the monotonic one
	if next.IsZero() {
		return time.Time{}
	}
	return next.In(t.zone)
}

// Previous returns the last fire time strictly before a time, in the entry's zone; the zero time
// where there is none since 1970.
func (t Timetable) Previous(before time.Time) time.Time {
	return t.latest(time.Unix(-1, 0), before.Round(0).Add(-1))
}

// Due returns the fire times in (last, now], the oldest first: all of them or, where they are more
// than limit, the newest limit of them. Then dropped is the first one that was left out; else it is
// the zero time.
//
// It goes back from now, so that its work depends on the limit and not on how long ago last was: a
// machine without a battery for its clock wakes up in 1970.
func (t Timetable) Due(last, now time.Time, limit int) (due []time.Time, dropped time.Time) {
	last, now = last.Round(0), now.Round(0)
	for to := now; len(due) < limit; to = due[len(due)-1].Add(-1) {
		tick := t.latest(last, to)
		if tick.IsZero() {
			break
		}
		due = append(due, tick)
	}
	slices.Reverse(due)
	if len(due) > 0 {
		if first := t.Next(last); first.Before(due[0]) {
			dropped = first
		}
	}
	return due, dropped
}

// latest returns the last fire time in (from, to], the zero time where there is none.
func (t Timetable) latest(from, to time.Time) time.Time {
	low := t.Next(from)
	within := func(tick time.Time) bool { return !tick.IsZero() && !tick.After(to) }
	if !within(low) {
		return time.Time{}
	}
	// low is a tick, and after high there is none: first high comes down in steps that double, then
	// they are brought together by halves.
	high := to
	for step := time.Second; step < 1<<62; step *= 2 {
		at := to.Add(-step)
		if !at.After(low) {
			break
		}
		if tick := t.Next(at); within(tick) {
			low = tick
			break
		}
		high = at
	}
	for {
		next := t.Next(low)
		if !within(next) {
			return low
		}
		low = next
		middle := low.Add(high.Sub(low) / 2)
		if tick := t.Next(middle); within(tick) {
			low = tick
		} else {
			high = middle
		}
	}
}
