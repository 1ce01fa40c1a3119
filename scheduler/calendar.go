package scheduler

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// calendar is when an entry fires: a cron expression, and the zone whose clock it is about.
//
// cron.SpecSchedule can search in a zone itself, but around a change of the clock it fires a daily
// entry twice or not at all (and misses midnight where the change is at midnight). So it is asked
// only about readings, the date and time that the zone's clock shows, told as though in UTC, where
// there are no changes; from reading to instant and back is done here.
type calendar struct {
	spec *cron.SpecSchedule // in UTC
	zone *time.Location
}

// next returns the first tick after a time, in the calendar's zone; the zero time where there is
// none within five years, as for 29 February before the year 2100.
func (c calendar) next(after time.Time) time.Time {
	after = after.Round(0).In(c.zone) // the wall clock counts, not the monotonic one
	if everyHour(c.spec) {
		return c.nextShown(after)
	}
	reading := c.spec.Next(latestReading(after))
	if reading.IsZero() {
		return time.Time{}
	}
	return firstShown(reading, c.zone)
}

// nextShown returns the first instant after a time at which the clock shows one of the entry's
// readings. It goes from one change of the clock to the next: in between, readings and instants
// run alike.
func (c calendar) nextShown(at time.Time) time.Time {
	from := reading(at)
	for {
		next := c.spec.Next(from)
		if next.IsZero() {
			return time.Time{}
		}
		instant := at.Add(next.Sub(reading(at)))
		_, change := at.ZoneBounds()
		if change.IsZero() || instant.Before(change) {
			return instant
		}
		at, from = change, reading(change).Add(-1) // what is shown at the change itself counts
	}
}

// reading is what the clock of the time's zone shows, as though in UTC.
func reading(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// readingBefore is what the clock would show at a change of it, had it not been changed.
func readingBefore(change time.Time) time.Time { return reading(change.Add(-1)).Add(1) }

// latestReading is the latest that the clock has shown up to a time: where the clock was put back,
// that is for a while later than what it shows.
func latestReading(t time.Time) time.Time {
	shown := reading(t)
	if change, _ := t.ZoneBounds(); !change.IsZero() {
		if before := readingBefore(change); before.After(shown) {
			return before.Add(-1)
		}
	}
	return shown
}

// firstShown is the first instant at which the clock of a zone shows a reading or, where it jumps
// over it, a later one.
func firstShown(r time.Time, zone *time.Location) time.Time {
	t := time.Date(r.Year(), r.Month(), r.Day(), r.Hour(), r.Minute(), r.Second(), 0, zone)
	start, end := t.ZoneBounds()
	switch shown := reading(t); {
	case shown.After(r):
		return start
	case shown.Before(r):
		return end
	}
	if !start.IsZero() {
		if before := readingBefore(start); before.After(r) { // shown before the clock was put back, too
			return start.Add(r.Sub(before))
		}
	}
	return t
}

// everyHour reports whether an entry fires in every hour of its days: then it is a pace, not a
// time of day.
func everyHour(spec *cron.SpecSchedule) bool {
	const hours = 1<<24 - 1
	return spec.Hour&hours == hours
}

var cronParser = cron.NewParser(
	cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

func parseCron(text string) (*cron.SpecSchedule, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, errors.New("it is empty")
	case strings.HasPrefix(text, "TZ="), strings.HasPrefix(text, "CRON_TZ="):
		return nil, fmt.Errorf("%q names a zone: that is what tz is for", text)
	case strings.HasPrefix(text, "@every"):
		return nil, fmt.Errorf("%q is not a time of the clock: instead of cron use every, such as every: 5m", text)
	}
	schedule, err := cronParser.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	spec, ok := schedule.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("%q is not a time of the clock", text)
	}
	for _, field := range []struct {
		name string
		bits uint64
	}{
		{"second", spec.Second}, {"minute", spec.Minute}, {"hour", spec.Hour},
		{"day of month", spec.Dom}, {"month", spec.Month}, {"day of week", spec.Dow},
	} {
		if field.bits == 0 { // the parser takes a lone comma for a field
			return nil, fmt.Errorf("%q: the %s is empty", text, field.name)
		}
	}
	spec.Location = time.UTC
	if spec.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("%q never fires: no month has that day", text)
	}
	return spec, nil
}
