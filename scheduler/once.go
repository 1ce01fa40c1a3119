package scheduler

import (
	"errors"
	"fmt"
	"time"
)

// once fires at one time.
type once struct{ at time.Time }

// newOnce returns the timetable of Entry.At.
func newOnce(text string, zone *time.Location) (Timetable, error) {
	at, err := time.Parse(time.RFC3339, text)
	fingerprint := "at " + at.UTC().Format(time.RFC3339)
	if err != nil {
		if at, err = time.Parse(localTime, text); err != nil {
			return Timetable{}, fmt.Errorf("%.40q is not a time, such as 2026-12-24T18:00:00+01:00 or, in the zone of tz, 2026-12-24T18:00:00", text)
		}
		fingerprint = "at " + at.Format(localTime) + " " + zone.String()
		fraction := at.Nanosecond()
		at = firstShown(at, zone).Add(time.Duration(fraction))
	}
	switch {
	case at.Nanosecond() != 0:
		return Timetable{}, fmt.Errorf("%q is not whole seconds", text)
	case at.Unix() < 0:
		return Timetable{}, errors.New("it is before 1970")
	}
	return Timetable{once{at}, zone, fingerprint}, nil
}

// localTime is RFC 3339 without its offset.
const localTime = "2006-01-02T15:04:05"

func (o once) next(after time.Time) time.Time {
	if after.Before(o.at) {
		return o.at
	}
	return time.Time{}
}
