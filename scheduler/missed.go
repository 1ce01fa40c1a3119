package scheduler

import (
	"time"

	"github.com/warrenmq/warren/scheduler/ledger"
)

// OnTime is how late a tick may be and still be emitted whatever the entry's policy: longer than
// another scheduler needs to take over from one that died. A tick that is later was missed.
const OnTime = 10 * time.Second

// lookBack is how many due ticks are looked at one by one: as many as the largest cap, and those that
// an entry which fires every second has on time.
const lookBack = MaxCatchUpMax + int(OnTime/time.Second) + 2

// settlement is what is to become of the ticks of an entry that are due.
type settlement struct {
	// skipped are the oldest of them. Its Ticks is 0 where there are none; Entry and Name are empty.
	skipped ledger.Skip
	// emitted are the others, the oldest first; missed is how many of these were missed.
	emitted []time.Time
	missed  int
}

// settle decides about the ticks in (position, now].
func (c CatchUp) settle(timetable Timetable, position, now time.Time) settlement {
	due, dropped := timetable.Due(position, now, lookBack)
	missed := 0
	for missed < len(due) && now.Sub(due[missed]) > OnTime {
		missed++
	}
	keep, reason := 0, ledger.ReasonNone
	switch c.Policy {
	case CatchUpLast:
		keep, reason = 1, ledger.ReasonLast
	case CatchUpAll:
		keep, reason = c.Max, ledger.ReasonCap
	}
	skip := max(missed-keep, 0)
	s := settlement{emitted: due[skip:], missed: missed - skip}
	if skip > 0 {
		s.skipped = ledger.Skip{
			From: due[0], To: due[skip-1], Ticks: skip, AtLeast: !dropped.IsZero(), Reason: reason,
		}
		if s.skipped.AtLeast {
			s.skipped.From = dropped
		}
	}
	return s
}
