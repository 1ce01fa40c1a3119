package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/lease"
	"github.com/warrenmq/warren/scheduler/ledger"
	"github.com/warrenmq/warren/streams"
	"github.com/warrenmq/warren/tasks"
)

// DefaultGrace is how long a stopping scheduler waits for what is due to be published. Until then no
// other emits, so it is shorter than OnTime; what hangs for longer the next one emits, under its ID.
const DefaultGrace = 3 * time.Second

// ErrInvalidConfig is a field of a configuration, other than of an entry, that is out of its
// bounds.
var ErrInvalidConfig = errors.New("invalid scheduler configuration")

// Streams is where the lease and the ledger are kept; broker.Client is one.
type Streams interface {
	// Append appends records to a stream and blocks until they are confirmed, which an error leaves
	// open, or ctx is done.
	Append(ctx context.Context, stream string, records ...[]byte) error
	// ReadStream gives the records of a stream from an offset up to now.
	ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error
	// Follow gives a stream to a follower, session after session, and blocks until ctx is done.
	Follow(ctx context.Context, stream string, to streams.Follower) error
}

// Config says what to schedule.
type Config struct {
	// Entries are the schedule; their identities differ. None: the scheduler does nothing.
	Entries []Entry
	// Enqueuer publishes the tasks. Required. It is called by one goroutine an entry.
	Enqueuer tasks.Enqueuer
	// Streams is where the schedulers agree on who fires, and what was emitted is remembered. Required.
	// The streams are Names.Lease and Names.Schedule, which must have been declared.
	Streams Streams
	// Names are the names of the streams.
	Names routing.Names
	// Lease is how long a scheduler leads after it could last renew its lease, and so about how long
	// nobody fires when one dies; the same for all schedulers. Defaults to lease.DefaultLease.
	Lease time.Duration
	// Declare declares the streams. It is called where they cannot be read or written, at most every
	// 10 s: somebody may have deleted them. Optional.
	Declare func(context.Context) error
	// Grace is how long Run, once its context is done, waits for what is due to be published, while no
	// other scheduler takes over. Defaults to DefaultGrace.
	Grace time.Duration
	// Ticks is told of each tick that was settled. Defaults to nobody.
	Ticks TickObserver
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
	if c.Ticks == nil {
		c.Ticks = nobody{}
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
	if c.Streams == nil {
		problems = append(problems, fmt.Errorf("%w: Streams: it is missing", ErrInvalidConfig))
	}
	if c.Grace < 0 {
		problems = append(problems, fmt.Errorf("%w: Grace: %s is below 0", ErrInvalidConfig, c.Grace))
	}
	if len(c.Entries) > ledger.MaxEntries {
		problems = append(problems, fmt.Errorf("%w: Entries: %d, at most %d", ErrInvalidConfig, len(c.Entries), ledger.MaxEntries))
	}
	for _, e := range c.Entries {
		problems = append(problems, e.Validate())
	}
	return errors.Join(append(problems, ValidateIdentities(c.Entries))...)
}

// Scheduler emits the ticks of its entries while it leads. Make one with [New].
type Scheduler struct {
	config  Config
	lease   *lease.Lease
	elector gocron.Elector // the lease
	spread  func() float64
	failed  atomic.Pointer[error] // why the newest term came to nothing, nil where it did not
	ailing  atomic.Bool           // a stream could not be written or read

	mu      sync.Mutex
	entries []scheduled
	changed chan struct{} // closed, and made anew, when entries change
}

// New returns a scheduler. It starts nothing. What is wrong with the configuration is reported
// together: [ErrInvalidConfig], and about entries [ErrInvalidEntry].
func New(config Config) (*Scheduler, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	entries, err := schedule(config.Entries)
	if err != nil {
		return nil, err
	}
	l, err := lease.New(lease.Config{
		Stream: config.Streams, Name: config.Names.Lease(), Lease: config.Lease, Clock: config.Clock, Log: config.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: Lease: %w", ErrInvalidConfig, err)
	}
	return &Scheduler{
		config: config, lease: l, elector: l, spread: rand.Float64, entries: entries, changed: make(chan struct{}),
	}, nil
}

// scheduled is an entry and when it fires.
type scheduled struct {
	Entry
	timetable Timetable
}

// schedule returns the entries with their timetables, after [Config.withDefaults].
func schedule(entries []Entry) ([]scheduled, error) {
	all := make([]scheduled, len(entries))
	for i, e := range entries {
		timetable, err := e.Timetable()
		if err != nil {
			return nil, err
		}
		all[i] = scheduled{e, timetable}
	}
	return all, nil
}

// Replace replaces the entries, in this and in later runs, and does not block. It loses no tick and
// doubles none: one that is being published is finished under the old entry, and what comes after it is
// the new one's; a catch-up ends with the tick that it is at, and goes on as the new entry says. An entry is
// the same as before where its identity is; if it fires at other times, those from now on count. Where an
// error is returned, which is [ErrInvalidEntry] or [ErrInvalidConfig], nothing has changed.
func (s *Scheduler) Replace(entries []Entry) error {
	config := s.config
	config.Entries = entries
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return err
	}
	all, err := schedule(config.Entries)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = all
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// current returns the entries, and a channel that is closed when others take their place.
func (s *Scheduler) current() ([]scheduled, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries, s.changed
}

// Ready returns nil while this scheduler emits ticks, or could: it follows the lease, and when it led
// last it could read the ledger. The error says what is in the way.
func (s *Scheduler) Ready() error {
	if err := s.failed.Load(); err != nil {
		return fmt.Errorf("the scheduler led and could not emit: %w", *err)
	}
	return s.lease.Ready()
}

// ail notes that the ledger is in trouble.
func (s *Scheduler) ail() { s.ailing.Store(true) }

// mendEvery is how often it is looked whether the streams need to be declared again.
const mendEvery = 10 * time.Second

// mend declares the streams again where they are in trouble: somebody may have deleted them. It blocks
// until ctx is done.
func (s *Scheduler) mend(ctx context.Context) {
	for {
		pause(ctx, s.config.Clock, mendEvery)
		if ctx.Err() != nil {
			return
		}
		if ailing := s.ailing.Swap(false); !ailing && s.lease.Ready() == nil {
			continue
		}
		declaring, cancel := clockwork.WithTimeout(ctx, s.config.Clock, mendEvery)
		if err := s.config.Declare(declaring); err != nil {
			s.config.Log.Debug("the streams cannot be declared", "error", err) // what ails tells of it too
		}
		cancel()
	}
}

// Run takes part in the election, emits ticks while it leads, and blocks until ctx is done. It stops in
// this order: the entries, which get the grace to publish what is due already, without a further try
// where that fails; what is still publishing, which is cancelled and waited for; the lease, which is
// resigned, so that another scheduler takes over at once. Then it returns nil. It may be called once:
// again it returns [lease.ErrStopped].
func (s *Scheduler) Run(ctx context.Context) error {
	electing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	elected := make(chan error, 1)
	go func() { elected <- s.lease.Run(electing) }()
	var mending sync.WaitGroup
	if s.config.Declare != nil {
		mending.Go(func() { s.mend(electing) })
	}
	defer mending.Wait()
	defer stop()
	s.config.Log.Info("scheduler running", "entries", len(s.config.Entries), "holder", s.lease.Holder())

	for failures := 0; ctx.Err() == nil; {
		term, err := s.lease.Await(ctx)
		if err != nil {
			break // ctx is done, or the lease has been run before
		}
		if err := s.lead(ctx, term); err == nil {
			failures = 0
			continue
		}
		failures++
		s.ail()
		pause(ctx, s.config.Clock, publishBackoff.Delay(failures, s.spread()))
	}
	stop()
	err := <-elected
	s.config.Log.Info("scheduler stopped")
	return err
}
