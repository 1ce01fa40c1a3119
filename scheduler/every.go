package scheduler

import (
	"fmt"
	"time"
)

// The bounds of Entry.Every.
const (
	MinEvery = time.Second
	MaxEvery = 366 * 24 * time.Hour
)

// every fires at the whole multiples of an interval since 1970-01-01T00:00:00Z: so every scheduler
// and every restart agree on the ticks, with nothing to remember.
type every struct{ seconds int64 }

// newEvery returns the timetable of an interval. The zone is only for showing.
func newEvery(interval time.Duration, zone *time.Location) (Timetable, error) {
	switch {
	case interval < MinEvery || interval > MaxEvery:
		return Timetable{}, fmt.Errorf("%s is not within %s..%s", interval, MinEvery, MaxEvery)
	case interval%time.Second != 0:
		return Timetable{}, fmt.Errorf("%s is not whole seconds", interval)
	}
	return Timetable{every{int64(interval / time.Second)}, zone, "every " + interval.String()}, nil
}

func (e every) next(after time.Time) time.Time {
	second := after.Unix() // rounded down
	if second < 0 {
		return time.Unix(0, 0)
	}
	return time.Unix(second-second%e.seconds+e.seconds, 0)
}
