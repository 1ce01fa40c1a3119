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

	"github.com/warrenmq/warren/tasks"
)

func TestNewRefuses(t *testing.T) {
	_, err := New(Config{Grace: -time.Second, Entries: []Entry{daily(), daily(), entry("bad", "x")}})
	require.ErrorIs(t, err, ErrInvalidEntry)
	require.ErrorIs(t, err, ErrInvalidConfig)
	assert.ErrorContains(t, err, "invalid scheduler configuration: Enqueuer: it is missing")
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
		`level=INFO msg="tick emitted" entry=report scheduled_for=2026-11-22T15:00:00.000+09:00 id=%s lateness=20ms`, got.ID))
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

// After a sleep of the machine every missed tick comes, in order, with its own time.
func TestRunCatchesUpASleep(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("hourly", "@hourly"))
	b.clock.Advance(5 * time.Hour)
	for i := range 5 {
		assert.Equal(t, 6+i, b.outbox.next(t).ScheduledFor.Hour())
	}
	b.clock.Advance(time.Hour)
	assert.Equal(t, 11, b.outbox.next(t).ScheduledFor.Hour())
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}

func TestRunDropsTheOldestOfALongSleep(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("minutely", "* * * * *"))
	b.clock.Advance(24 * time.Hour)
	first := b.outbox.next(t)
	for range MaxBacklog - 1 {
		b.outbox.next(t)
	}
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
	assert.Equal(t, "2026-11-22T13:20:00Z", first.ScheduledFor.Format(time.RFC3339))
	assert.Contains(t, b.log.String(), "too far behind: old ticks dropped")
	assert.Contains(t, b.log.String(), "from=2026-11-22T06:00:00.000Z until=2026-11-22T13:20:00.000Z kept=1000")
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
	b.run(t, entry("stuck", "* * * * *"), entry("free", "* * * * *"))
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
	assert.Equal(t, 3, strings.Count(b.log.String(), "tick not emitted yet"))
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
	assert.Contains(t, b.log.String(), "stopping: ticks not emitted")
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
	b.run(t, entry("minutely", "* * * * *"))
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
	b.clock.Advance(time.Hour + 30*time.Second)
	b.outbox.next(t)
	b.stop()
	b.clock.untilTimer(t, grace, grace)
	b.clock.Advance(grace)
	b.ended(t)
	assert.Empty(t, b.outbox.calls)
	assert.Contains(t, b.log.String(), `msg="stopping: ticks not emitted" entry=hourly from=2026-11-22T06:00:00.000Z ticks=2`)
}

func TestRunAgain(t *testing.T) {
	b := newBundle(nil)
	s, err := New(Config{Entries: []Entry{entry("hourly", "@hourly")}, Enqueuer: b.outbox, Clock: b.clock,
		Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		b.stop, b.done = cancel, make(chan error, 1)
		go func() { b.done <- s.Run(ctx) }()
		b.stopped(t)
	}
	assert.Empty(t, b.outbox.calls)
}
