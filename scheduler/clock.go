package scheduler

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/jonboulle/clockwork"
)

// startClock returns gocron running, with one job for each emitter; it asks the elector before each. Its
// jobs only wake the emitters: gocron waits for jobs in a busy loop when it stops.
func startClock(emitters []*emitter, elector gocron.Elector, clock clockwork.Clock) (gocron.Scheduler, error) {
	cron, err := gocron.NewScheduler(gocron.WithClock(clock), gocron.WithLocation(time.UTC), gocron.WithDistributedElector(elector))
	if err != nil {
		return nil, fmt.Errorf("scheduler: making the clock: %w", err)
	}
	for _, e := range emitters {
		_, err := cron.NewJob(gocron.CronJob(e.timetable.String(), true), gocron.NewTask(e.poke),
			gocron.WithName(e.Name), gocron.WithCronImplementation(wakeTimes{e.timetable, clock}))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("scheduler: entry %q: %w", e.Name, err), cron.Shutdown())
		}
	}
	cron.Start()
	return cron, nil
}

// wakeTimes is an entry's timetable as gocron asks for it. It answers in UTC: gocron leaves out a
// time that reads like the one before it, to mend what its own cron does where the clock is put
// back.
type wakeTimes struct {
	timetable Timetable
	clock     clockwork.Clock
}

// IsValid finds the timetable valid: it was parsed before.
func (w wakeTimes) IsValid(string, *time.Location, time.Time) error { return nil }

// never is what gocron is told where an entry fires no more: it takes the zero time for the past.
const never = 100 * 365 * 24 * time.Hour

// Next skips what is past: after a sleep gocron would ask for each missed time in turn.
func (w wakeTimes) Next(last time.Time) time.Time {
	if now := w.clock.Now(); now.After(last) {
		last = now
	}
	if next := w.timetable.Next(last); !next.IsZero() {
		return next.UTC()
	}
	return last.Add(never)
}
