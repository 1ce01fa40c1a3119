package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/logtest"
	"github.com/warrenmq/warren/scheduler/ledger"
	"github.com/warrenmq/warren/tasks"
)

// soon bounds how long a test waits for what must come; none of it passes where it does.
const soon = 10 * time.Second

// testClock is a fake clock whose timers a test can wait for, and whose wall time can be put back
// while its timers run on.
type testClock struct {
	*clockwork.FakeClock
	timers chan time.Duration // of NewTimer

	mu   sync.Mutex
	back time.Duration
}

func newTestClock(at time.Time) *testClock {
	return &testClock{FakeClock: clockwork.NewFakeClockAt(at), timers: make(chan time.Duration, 1000)}
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.FakeClock.Now().Add(-c.back)
}

func (c *testClock) putBack(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.back += d
}

func (c *testClock) NewTimer(d time.Duration) clockwork.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.timers <- d
	return timer
}

// untilTimer waits until a timer within bounds was made, and returns it.
func (c *testClock) untilTimer(t *testing.T, low, high time.Duration) time.Duration {
	t.Helper()
	deadline := time.After(soon)
	for {
		select {
		case d := <-c.timers:
			if low <= d && d <= high {
				return d
			}
		case <-deadline:
			require.FailNow(t, "no timer", "between %s and %s", low, high)
		}
	}
}

// outbox is an enqueuer that hands over what it is given, and answers as the test says.
type outbox struct {
	clock  clockwork.Clock
	calls  chan tasks.Task // every call
	answer func(ctx context.Context, task tasks.Task) error

	mu    sync.Mutex
	early []tasks.Task // what came before its time
}

func newOutbox(clock clockwork.Clock) *outbox {
	return &outbox{clock: clock, calls: make(chan tasks.Task, 10_000),
		answer: func(context.Context, tasks.Task) error { return nil }}
}

func (o *outbox) Enqueue(ctx context.Context, task tasks.Task) (string, error) {
	if o.clock.Now().Before(task.ScheduledFor) {
		o.mu.Lock()
		o.early = append(o.early, task)
		o.mu.Unlock()
	}
	o.calls <- task
	return task.ID, o.answer(ctx, task)
}

func (o *outbox) next(t *testing.T) tasks.Task {
	t.Helper()
	select {
	case task := <-o.calls:
		return task
	case <-time.After(soon):
		require.FailNow(t, "nothing was enqueued")
		return tasks.Task{}
	}
}

// reignTerm is a term that the test ends.
type reignTerm struct {
	number   uint64
	ctx      context.Context
	end      context.CancelCauseFunc
	released chan struct{}
}

func newTerm(number uint64) *reignTerm {
	t := &reignTerm{number: number, released: make(chan struct{})}
	t.ctx, t.end = context.WithCancelCause(context.Background())
	return t
}

func (t *reignTerm) Number() uint64           { return t.number }
func (t *reignTerm) Context() context.Context { return t.ctx }
func (t *reignTerm) Check() error             { return context.Cause(t.ctx) }
func (t *reignTerm) StepDown()                { t.end(errors.New("stepped down")) }
func (t *reignTerm) Release()                 { close(t.released) }

// always is an elector whose scheduler leads.
type always struct{}

func (always) IsLeader(context.Context) error { return nil }

// bundle is a scheduler with its surroundings, and what it does in one term after the other.
type bundle struct {
	ticks   TickObserver // may be nil
	clock   *testClock
	outbox  *outbox
	log     *logtest.Log
	streams *memory

	scheduler *Scheduler
	terms     uint64
	term      *reignTerm // the newest
	stop      context.CancelFunc
	done      chan error
}

// grace differs from every other time that a test waits for.
const grace = 47 * time.Second

var start = time.Date(2026, 11, 22, 5, 59, 30, 0, time.UTC)

func newBundle(answer func(ctx context.Context, task tasks.Task) error) *bundle {
	clock := newTestClock(start)
	b := &bundle{clock: clock, outbox: newOutbox(clock), log: &logtest.Log{}, streams: newMemory()}
	if answer != nil {
		b.outbox.answer = answer
	}
	return b
}

// run starts a scheduler that leads and returns when it waits for its ticks. At the end of the test it
// is stopped, and nothing may have come early.
func (b *bundle) run(t *testing.T, entries ...Entry) {
	t.Helper()
	s, err := New(Config{
		Entries: entries, Enqueuer: b.outbox, Streams: b.streams, Grace: grace, Clock: b.clock,
		Ticks: b.ticks, Log: slog.New(slog.NewTextHandler(b.log, nil)),
	})
	require.NoError(t, err)
	s.spread, s.elector = func() float64 { return 0.5 }, always{}
	b.scheduler = s
	b.lead(t)
	b.waits(t, 1)
}

// waits returns when entries have been taken so many times, and the clock runs that wakes them.
func (b *bundle) waits(t *testing.T, taken int) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Count(b.log.String(), "emitting ticks") == taken }, soon, time.Millisecond)
	waiting, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	entries, _ := b.scheduler.current()
	require.NoError(t, b.clock.BlockUntilContext(waiting, len(entries)), "the clock did not start")
}

// settles returns when the ledger has so many ticks.
func (b *bundle) settles(t *testing.T, ticks int) {
	t.Helper()
	require.Eventually(t, func() bool { return len(b.ledger(t, ledger.KindTick)) == ticks }, soon, time.Millisecond)
}

// lead begins the next term.
func (b *bundle) lead(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	b.terms++
	term, done := newTerm(b.terms), make(chan error, 1)
	b.term, b.stop, b.done = term, cancel, done
	go func() { done <- b.scheduler.lead(ctx, term) }()
	t.Cleanup(func() {
		cancel()
		term.end(nil)
		<-term.released
		assert.Empty(t, b.outbox.early)
	})
}

// stopped stops the scheduler and returns when nothing is published any more.
func (b *bundle) stopped(t *testing.T) {
	t.Helper()
	b.stop()
	b.ended(t)
}

// deposed ends the term and returns when nothing is published any more.
func (b *bundle) deposed(t *testing.T) {
	t.Helper()
	b.term.end(errors.New("another leads"))
	b.ended(t)
}

func (b *bundle) ended(t *testing.T) {
	t.Helper()
	select {
	case err := <-b.done:
		require.NoError(t, err)
	case <-time.After(soon):
		require.FailNow(t, "the reign does not end")
	}
	<-b.term.released
}

// ledger returns what the ledger says, without its snapshots.
func (b *bundle) ledger(t *testing.T, kinds ...ledger.Kind) []ledger.Record {
	t.Helper()
	var all []ledger.Record
	entries, _, _ := b.streams.read(b.scheduler.config.Names.Schedule(), 0)
	for _, entry := range entries {
		r, err := ledger.Decode(entry)
		require.NoError(t, err)
		if slices.Contains(kinds, r.Kind) {
			all = append(all, r)
		}
	}
	return all
}

func entry(name, cron string) Entry { return Entry{Name: name, Cron: cron, Key: "test." + name} }

// taskAt is the task of a tick.
func (e Entry) taskAt(t require.TestingT, fire time.Time) (tasks.Task, error) {
	timetable, err := e.Timetable()
	require.NoError(t, err)
	return e.task(timetable, fire)
}
