package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/tasks"
)

// DefaultGrace is how long a stopping scheduler waits for what is due to be published.
const DefaultGrace = 30 * time.Second

// ErrInvalidConfig is a field of a configuration, other than of an entry, that is out of its
// bounds.
var ErrInvalidConfig = errors.New("invalid scheduler configuration")

// lookEvery is how often every entry is looked at besides its ticks. A timer runs by the monotonic
// clock, which stands still while the machine sleeps and does not know of a wall clock that was
// set: without this a tick could come hours late after either.
const lookEvery = time.Minute

// Config says what to schedule.
type Config struct {
	// Entries are the schedule; their identities differ. None: the scheduler does nothing.
	Entries []Entry
	// Enqueuer publishes the tasks. Required. It is called by one goroutine an entry.
	Enqueuer tasks.Enqueuer
	// Grace is how long Run, once its context is done, waits for what is due to be published.
	// Defaults to DefaultGrace.
	Grace time.Duration
	// Clock tells the time. Defaults to the real one.
	Clock clockwork.Clock
	// Log takes a line for each tick, and what goes wrong. Defaults to slog.Default().
	Log *slog.Logger
}

// withDefaults returns the configuration with its zero fields filled, those of the entries too.
func (c Config) withDefaults() Config {
	entries := make([]Entry, len(c.Entries))
	for i, e := range c.Entries {
		entries[i] = e.WithDefaults()
	}
	c.Entries = entries
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}
	if c.Clock == nil {
		c.Clock = clockwork.NewRealClock()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// validate checks everything and reports it together.
func (c Config) validate() error {
	var problems []error
	if c.Enqueuer == nil {
		problems = append(problems, fmt.Errorf("%w: Enqueuer: it is missing", ErrInvalidConfig))
	}
	if c.Grace < 0 {
		problems = append(problems, fmt.Errorf("%w: Grace: %s is below 0", ErrInvalidConfig, c.Grace))
	}
	for _, e := range c.Entries {
		problems = append(problems, e.Validate())
	}
	return errors.Join(append(problems, ValidateIdentities(c.Entries))...)
}

// Scheduler emits the ticks of its entries. Make one with [New].
type Scheduler struct {
	config     Config
	timetables []Timetable // of the entries, in their order
	spread     func() float64
}

// New returns a scheduler. It starts nothing. What is wrong with the configuration is reported
// together: [ErrInvalidConfig], and about entries [ErrInvalidEntry].
func New(config Config) (*Scheduler, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	s := &Scheduler{config: config, spread: rand.Float64}
	for _, e := range config.Entries {
		t, err := e.Timetable()
		if err != nil {
			return nil, err
		}
		s.timetables = append(s.timetables, t)
	}
	return s, nil
}

// Run emits the ticks that come from now on, and blocks until ctx is done. It stops in this order:
// the clock; the entries, which get the grace to publish what is due already, without a further
// try where that fails; then what is still publishing is cancelled and waited for. It returns nil
// after such a stop, an error where the clock could not be started or stopped. It may be called
// again after it has returned.
func (s *Scheduler) Run(ctx context.Context) error {
	publishing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()

	emitters := make([]*emitter, len(s.config.Entries))
	for i, e := range s.config.Entries {
		emitters[i] = newEmitter(e, s.timetables[i], s.config, s.spread)
	}
	clock, err := s.startClock(emitters)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	for _, e := range emitters {
		running.Go(func() { e.run(ctx, publishing) })
	}
	s.config.Log.Info("scheduler running", "entries", len(emitters))

	<-ctx.Done()
	err = clock.Shutdown()
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	grace := s.config.Clock.NewTimer(s.config.Grace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.Chan():
		cancel()
		<-done
	}
	if err != nil {
		return fmt.Errorf("scheduler: stopping the clock: %w", err)
	}
	s.config.Log.Info("scheduler stopped")
	return nil
}

// startClock returns gocron running, with one job for each entry and one that looks at them all.
// Its jobs only wake the emitters: gocron waits for jobs in a busy loop when it stops.
func (s *Scheduler) startClock(emitters []*emitter) (gocron.Scheduler, error) {
	clock, err := gocron.NewScheduler(gocron.WithClock(s.config.Clock), gocron.WithLocation(time.UTC))
	if err != nil {
		return nil, fmt.Errorf("scheduler: making the clock: %w", err)
	}
	for _, e := range emitters {
		_, err := clock.NewJob(gocron.CronJob(e.timetable.String(), true), gocron.NewTask(e.poke),
			gocron.WithName(e.entry.Name), gocron.WithCronImplementation(wakeTimes{e.timetable, s.config.Clock}))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("scheduler: entry %q: %w", e.entry.Name, err), clock.Shutdown())
		}
	}
	_, err = clock.NewJob(gocron.DurationJob(lookEvery), gocron.NewTask(func() {
		for _, e := range emitters {
			e.poke()
		}
	}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("scheduler: %w", err), clock.Shutdown())
	}
	clock.Start()
	return clock, nil
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

// Next skips what is past: after a sleep gocron would ask for each missed time in turn.
func (w wakeTimes) Next(last time.Time) time.Time {
	if now := w.clock.Now(); now.After(last) {
		last = now
	}
	return w.timetable.Next(last).UTC()
}
