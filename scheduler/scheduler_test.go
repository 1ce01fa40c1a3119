package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/scheduler/ledger"
	"github.com/warrenmq/warren/tasks"
)

func TestNewRefuses(t *testing.T) {
	_, err := New(Config{Grace: -time.Second, Entries: []Entry{daily(), daily(), entry("bad", "x")}})
	require.ErrorIs(t, err, ErrInvalidEntry)
	require.ErrorIs(t, err, ErrInvalidConfig)
	assert.ErrorContains(t, err, "invalid scheduler configuration: Enqueuer: it is missing")
	assert.ErrorContains(t, err, "invalid scheduler configuration: Streams: it is missing")
	assert.ErrorContains(t, err, "invalid scheduler configuration: Grace: -1s is below 0")
	assert.ErrorContains(t, err, `invalid schedule entry "daily-report": name: the entry "daily-report" has the identity "daily-report" already`)
	assert.ErrorContains(t, err, `invalid schedule entry "bad": cron: `)
}

func TestRunEmitsATick(t *testing.T) {
	b := newBundle(nil)
	e := Entry{
		Name: "report", Cron: "0 15 * * *", TZ: "Asia/Tokyo", Key: "report.daily",
		Payload: []byte(`{"kind":"full"}`), Priority: 7,
	}
	b.run(t, e)
	b.clock.Advance(30*time.Second + 20*time.Millisecond)
	got := b.outbox.next(t)
	b.stopped(t)

	zone, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	fire := time.Date(2026, 11, 22, 15, 0, 0, 0, zone)
	assert.Equal(t, tasks.Task{
		ID: TaskID("report", fire), Key: "report.daily", Payload: []byte(`{"kind":"full"}`),
		ContentType: "application/json", Priority: 7, Schedule: "report", ScheduledFor: got.ScheduledFor,
	}, got)
	assert.Equal(t, "2026-11-22T15:00:00+09:00", got.ScheduledFor.Format(time.RFC3339Nano))
	assert.Empty(t, b.outbox.calls, "one tick, one task")
	assert.Contains(t, b.log.String(), fmt.Sprintf(
		`level=INFO msg="tick emitted" entry=report scheduled_for=2026-11-22T15:00:00.000+09:00 id=%s term=1 key=report.daily outcome=emitted lateness=20ms`, got.ID))
}

func TestRunEmitsEachTickOnce(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("often", "*/10 * * * * *"), entry("seldom", "0 */2 * * * *"))
	var often, seldom []string
	for range 60 {
		b.clock.Advance(5 * time.Second)
		// A tick is due at every second step, in both entries at some; which comes first is open.
		for due := ticksAt(b.clock.Now()); due > 0; due-- {
			task := b.outbox.next(t)
			at := task.ScheduledFor.Format(time.TimeOnly)
			if task.Schedule == "often" {
				often = append(often, at)
			} else {
				seldom = append(seldom, at)
			}
		}
	}
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
	assert.Equal(t, []string{"06:00:00", "06:02:00", "06:04:00"}, seldom)
	require.Len(t, often, 30)
	for i, at := range often {
		assert.Equal(t, start.Add(time.Duration(i+1)*10*time.Second).Format(time.TimeOnly), at)
	}
}

func ticksAt(now time.Time) int {
	n := 0
	if now.Second()%10 == 0 {
		n++
	}
	if now.Second() == 0 && now.Minute()%2 == 0 {
		n++
	}
	return n
}

// After a sleep of the machine the ticks that were missed meanwhile come as the entry wants it, each
// with its own time, and what is on time comes in any case.
func TestRunAfterASleep(t *testing.T) {
	for policy, want := range map[CatchUp][]int{
		{Policy: CatchUpNone}: {11},
		{Policy: CatchUpLast}: {10, 11},
		{}:                    {10, 11},
		{Policy: CatchUpAll}:  {6, 7, 8, 9, 10, 11},
		{Policy: CatchUpAll, Max: 2, Spacing: NoCatchUpSpacing}:         {9, 10, 11},
		{Policy: CatchUpAll, Max: 1000, Spacing: DefaultCatchUpSpacing}: {6, 7, 8, 9, 10, 11},
	} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			b := newBundle(nil)
			e := entry("hourly", "@hourly")
			e.CatchUp = policy
			b.run(t, e)
			b.clock.Advance(5*time.Hour + 30*time.Second + OnTime) // 11:00:10
			now := b.clock.Now()
			spacing := policy.withDefaults().Spacing
			for i, hour := range want {
				task := b.outbox.next(t)
				assert.Equal(t, hour, task.ScheduledFor.Hour())
				missed := i < len(want)-1
				if missed && i > 0 && spacing > 0 {
					assert.Equal(t, now.Add(time.Duration(i)*spacing), task.NotBefore)
				} else {
					assert.Zero(t, task.NotBefore)
				}
			}
			b.stopped(t)
			assert.Empty(t, b.outbox.calls)
			skipped := b.ledger(t, ledger.KindSkipped)
			if want[0] == 6 {
				assert.Empty(t, skipped)
				return
			}
			require.Len(t, skipped, 1)
			assert.Equal(t, want[0]-6, skipped[0].Ticks)
			assert.Equal(t, 6, skipped[0].From.Hour())
			assert.Equal(t, want[0]-1, skipped[0].To.Hour())
			assert.Contains(t, b.log.String(), `msg="ticks skipped" entry=hourly from=2026-11-22T06:00:00.000Z`)
		})
	}
}

// Of a very long sleep the number of ticks that are skipped is not counted to the end.
func TestRunAfterALongSleep(t *testing.T) {
	b := newBundle(nil)
	e := entry("secondly", "* * * * * *")
	e.CatchUp = CatchUp{Policy: CatchUpAll, Max: 10}
	b.run(t, e)
	b.clock.Advance(24 * time.Hour)
	first := b.outbox.next(t)
	for range 10 + 10 { // those missed, and those on time: 10 s ago is
		b.outbox.next(t)
	}
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
	assert.Equal(t, b.clock.Now().Add(-OnTime-10*time.Second), first.ScheduledFor)
	skipped := b.ledger(t, ledger.KindSkipped)
	require.Len(t, skipped, 1)
	assert.True(t, skipped[0].AtLeast)
	assert.Equal(t, start.Add(time.Second), skipped[0].From)
	assert.Equal(t, first.ScheduledFor.Add(-time.Second), skipped[0].To)
}

// A wall clock that is put back delays the tick by as much: it comes neither early nor twice.
func TestRunWithAClockPutBack(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("hourly", "@hourly"))
	b.clock.untilTimer(t, 30*time.Second, 30*time.Second) // the tick at 06:00 is less than a look away
	b.clock.putBack(20 * time.Second)
	b.clock.Advance(30 * time.Second)
	b.clock.untilTimer(t, 20*time.Second, 20*time.Second) // woken early, it waits for the rest
	assert.Empty(t, b.outbox.calls)
	b.clock.Advance(20 * time.Second)
	assert.Equal(t, 6, b.outbox.next(t).ScheduledFor.Hour())
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}

// One entry whose publishing hangs delays no other, and its own ticks keep their times.
func TestRunWithOneEntryHanging(t *testing.T) {
	release := make(chan struct{})
	b := newBundle(func(ctx context.Context, task tasks.Task) error {
		if task.Schedule == "stuck" {
			select {
			case <-release:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	stuck := entry("stuck", "* * * * *")
	stuck.CatchUp = CatchUp{Policy: CatchUpAll, Spacing: NoCatchUpSpacing}
	b.run(t, stuck, entry("free", "* * * * *"))
	b.clock.Advance(30 * time.Second)
	first := []string{b.outbox.next(t).Schedule, b.outbox.next(t).Schedule}
	assert.ElementsMatch(t, []string{"stuck", "free"}, first)
	for minute := 1; minute <= 3; minute++ {
		b.clock.Advance(time.Minute)
		task := b.outbox.next(t)
		assert.Equal(t, "free", task.Schedule)
		assert.Equal(t, minute, task.ScheduledFor.Minute())
	}
	close(release)
	for minute := 1; minute <= 3; minute++ {
		task := b.outbox.next(t)
		assert.Equal(t, "stuck", task.Schedule)
		assert.Equal(t, minute, task.ScheduledFor.Minute())
	}
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}

func TestRunTriesAgain(t *testing.T) {
	failures := 3
	b := newBundle(func(context.Context, tasks.Task) error {
		if failures--; failures >= 0 {
			return errors.New("no connection")
		}
		return nil
	})
	b.run(t, entry("hourly", "@hourly"))
	b.clock.Advance(30 * time.Second)
	task := b.outbox.next(t)
	for _, delay := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
		b.clock.untilTimer(t, delay, delay)
		assert.Empty(t, b.outbox.calls)
		b.clock.Advance(delay)
		assert.Equal(t, task, b.outbox.next(t), "the same task, and the time it was due at")
	}
	b.stopped(t)
	assert.Equal(t, 3, strings.Count(b.log.String(), "ticks not emitted yet"))
	assert.Contains(t, b.log.String(), `again_in=2s error="no connection"`)
	assert.Contains(t, b.log.String(), "lateness=3.5s")
}

func TestRunDropsWhatCanNeverBePublished(t *testing.T) {
	b := newBundle(func(_ context.Context, task tasks.Task) error {
		if task.ScheduledFor.Hour() == 6 {
			return fmt.Errorf("enqueue: %w: body: too long", tasks.ErrInvalidTask)
		}
		return nil
	})
	b.run(t, entry("hourly", "@hourly"))
	b.clock.Advance(time.Hour + 30*time.Second)
	assert.Equal(t, 6, b.outbox.next(t).ScheduledFor.Hour())
	assert.Equal(t, 7, b.outbox.next(t).ScheduledFor.Hour())
	b.stopped(t)
	assert.Contains(t, b.log.String(), `level=ERROR msg="tick dropped: it can never be published" entry=hourly`)
}

// Stopped between two tries, the scheduler makes no further one.
func TestRunStopsBetweenTries(t *testing.T) {
	b := newBundle(func(context.Context, tasks.Task) error { return errors.New("no connection") })
	b.run(t, entry("hourly", "@hourly"))
	b.clock.Advance(30 * time.Second)
	b.outbox.next(t)
	b.clock.untilTimer(t, 500*time.Millisecond, 500*time.Millisecond)
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}

// What is due when the scheduler is stopped is still published.
func TestRunPublishesWhatIsDue(t *testing.T) {
	release := make(chan struct{})
	b := newBundle(func(ctx context.Context, _ tasks.Task) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	e := entry("minutely", "* * * * *")
	e.CatchUp.Policy = CatchUpAll
	b.run(t, e)
	b.clock.Advance(5 * time.Minute)
	b.outbox.next(t)
	b.stop()
	b.clock.untilTimer(t, grace, grace)
	close(release)
	b.ended(t)
	assert.Len(t, b.outbox.calls, 4)
	assert.Equal(t, 5, strings.Count(b.log.String(), "tick emitted"))
}

// What is still being published when the grace is over is cancelled.
func TestRunCancelsWhatHangs(t *testing.T) {
	b := newBundle(func(ctx context.Context, _ tasks.Task) error {
		<-ctx.Done()
		return ctx.Err()
	})
	b.run(t, entry("hourly", "@hourly"))
	b.clock.Advance(30 * time.Second)
	b.outbox.next(t)
	b.stop()
	b.clock.untilTimer(t, grace, grace)
	b.clock.Advance(grace)
	b.ended(t)
	assert.Empty(t, b.outbox.calls)
	assert.Contains(t, b.log.String(), `msg="stopping: ticks not emitted" entry=hourly after=2026-11-22T05:59:30.000Z`)
}

// Once the term is over nothing is published, and what is under way is cancelled at once.
func TestRunStopsWithItsTerm(t *testing.T) {
	b := newBundle(func(ctx context.Context, _ tasks.Task) error {
		<-ctx.Done()
		return ctx.Err()
	})
	b.run(t, entry("hourly", "@hourly"), entry("other", "@hourly"))
	b.clock.Advance(30 * time.Second)
	b.outbox.next(t)
	b.outbox.next(t)
	b.deposed(t)
	b.clock.Advance(time.Hour)
	assert.Empty(t, b.outbox.calls)
}

// A term that is over, whatever its context says, is published in no more.
func TestRunAsksItsTerm(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("hourly", "@hourly"))
	e := emitter{term: &lapsed{newTerm(1)}, enqueuer: b.outbox, clock: b.clock}
	require.ErrorIs(t, e.publish(t.Context(), tasks.Task{}), errLapsed)
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}

var errLapsed = errors.New("lapsed")

// lapsed is a term that has ended without anybody having noticed.
type lapsed struct{ *reignTerm }

func (*lapsed) Check() error { return errLapsed }

// A new leader goes on where the one before it stood, as the ledger says.
func TestRunGoesOnAfterAnother(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("hourly", "@hourly"))
	b.clock.Advance(30 * time.Second)
	assert.Equal(t, 6, b.outbox.next(t).ScheduledFor.Hour())
	b.settles(t, 1)
	b.deposed(t)
	b.clock.Advance(5 * time.Second)
	b.lead(t) // it has nothing to do
	b.waits(t, 2)
	b.deposed(t)
	assert.Empty(t, b.outbox.calls)

	b.clock.Advance(time.Hour) // nobody leads
	b.lead(t)
	assert.Equal(t, 7, b.outbox.next(t).ScheduledFor.Hour())
	b.stopped(t)
	ticks := b.ledger(t, ledger.KindTick)
	require.Len(t, ticks, 2)
	assert.Equal(t, uint64(1), ticks[0].Term)
	assert.False(t, ticks[0].CaughtUp)
	assert.Equal(t, uint64(3), ticks[1].Term)
	assert.False(t, ticks[1].CaughtUp, "5 s late is on time")
	assert.Equal(t, int64(5000), ticks[1].LateMS)
	assert.Equal(t, b.scheduler.lease.Holder(), ticks[1].Scheduler)
}

// A tick that was published and could not be recorded is recorded later, and published once.
func TestRunRecordsLater(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("hourly", "@hourly"))
	b.outbox.answer = func(context.Context, tasks.Task) error {
		b.streams.breaks(errBroken)
		return nil
	}
	b.clock.Advance(30 * time.Second)
	b.outbox.next(t)
	b.clock.untilTimer(t, 500*time.Millisecond, 500*time.Millisecond)
	assert.Empty(t, b.ledger(t, ledger.KindTick))
	b.streams.breaks(nil)
	b.clock.Advance(500 * time.Millisecond)
	b.settles(t, 1)
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}

// A scheduler that cannot read the ledger does not publish: it could not know what.
func TestRunWithoutALedger(t *testing.T) {
	b := newBundle(nil)
	b.streams.breaks(errBroken)
	s, err := New(Config{Entries: []Entry{entry("hourly", "@hourly")}, Enqueuer: b.outbox, Streams: b.streams, Clock: b.clock,
		Log: slog.New(slog.NewTextHandler(b.log, nil))})
	require.NoError(t, err)
	term := newTerm(1)
	require.ErrorIs(t, s.lead(t.Context(), term), errBroken)
	<-term.released
	require.Error(t, term.Check(), "it leaves the lease to others")
	assert.Contains(t, b.log.String(), "the scheduler leads and cannot emit")
}

// A clock that was far ahead has emitted ticks of the future. They come again at their time.
func TestRunAfterAClockThatWasAhead(t *testing.T) {
	b := newBundle(nil)
	e := entry("hourly", "@hourly")
	b.run(t, e)
	b.clock.Advance(30 * 24 * time.Hour)
	b.outbox.next(t) // the last of a month
	b.settles(t, 1)
	b.deposed(t)
	b.clock.putBack(30 * 24 * time.Hour)
	b.lead(t)
	b.waits(t, 2)
	b.clock.untilTimer(t, 30*time.Second, 30*time.Second)
	assert.Contains(t, b.log.String(), "far ahead of the clock")
	b.clock.Advance(30 * time.Second)
	assert.Equal(t, "2026-11-22T06:00:00Z", b.outbox.next(t).ScheduledFor.Format(time.RFC3339))
	b.settles(t, 2)
	b.deposed(t)
	b.clock.Advance(90 * time.Minute)
	b.lead(t)
	assert.Equal(t, "2026-11-22T07:00:00Z", b.outbox.next(t).ScheduledFor.Format(time.RFC3339), "and for later leaders too")
	b.stopped(t)
}

// A clock that is put back by far while the scheduler leads costs no more than the ticks in between.
func TestRunWithAClockPutBackByFar(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("minutely", "* * * * *"))
	b.clock.Advance(30 * time.Second)
	b.outbox.next(t)
	b.settles(t, 1)
	b.clock.putBack(24 * time.Hour)
	b.clock.Advance(time.Minute)
	require.Eventually(t, func() bool { return strings.Contains(b.log.String(), "far ahead of the clock") }, soon, time.Millisecond)
	require.Eventually(t, func() bool {
		b.clock.Advance(10 * time.Second) // the clock's next look may be a minute away
		return len(b.outbox.calls) > 0
	}, soon, time.Millisecond)
	assert.Equal(t, 21, b.outbox.next(t).ScheduledFor.Day())
	b.stopped(t)
}

// What is caught up after an error is spaced from what was before it.
func TestRunSpacesOverErrors(t *testing.T) {
	calls := 0
	b := newBundle(func(context.Context, tasks.Task) error {
		if calls++; calls == 3 {
			return errors.New("no connection")
		}
		return nil
	})
	e := entry("hourly", "@hourly")
	e.CatchUp = CatchUp{Policy: CatchUpAll, Spacing: time.Minute}
	b.run(t, e)
	b.clock.Advance(4*time.Hour + 30*time.Second + OnTime)
	began := b.clock.Now()
	b.outbox.next(t)
	assert.Equal(t, began.Add(time.Minute), b.outbox.next(t).NotBefore)
	b.outbox.next(t) // fails
	b.clock.untilTimer(t, 500*time.Millisecond, 500*time.Millisecond)
	b.clock.Advance(500 * time.Millisecond)
	assert.Equal(t, began.Add(2*time.Minute), b.outbox.next(t).NotBefore)
	b.outbox.next(t)
	b.stopped(t)
}

// An entry that fires once has nothing to do afterwards.
func TestRunOnce(t *testing.T) {
	b := newBundle(nil)
	b.run(t, Entry{Name: "once", At: "2026-11-22T06:00:00Z", Key: "test.once"})
	b.clock.Advance(30 * time.Second)
	assert.Equal(t, 6, b.outbox.next(t).ScheduledFor.Hour())
	b.settles(t, 1)
	b.clock.Advance(24 * time.Hour)
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}
