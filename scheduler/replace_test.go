package scheduler

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/logtest"
	"github.com/warrenmq/warren/scheduler/lease"
	"github.com/warrenmq/warren/streams"
	"github.com/warrenmq/warren/tasks"
)

// replaced replaces the entries and returns when the new ones are waited for.
func (b *bundle) replaced(t *testing.T, entries ...Entry) {
	t.Helper()
	taken := strings.Count(b.log.String(), "emitting ticks")
	require.NoError(t, b.scheduler.Replace(entries))
	b.waits(t, taken+1)
}

// What changes beside the times of an entry neither loses nor doubles a tick.
func TestReplaceKeepsTheTicks(t *testing.T) {
	b := newBundle(nil)
	kept := entry("kept", "* * * * *")
	b.run(t, kept)
	b.clock.Advance(30 * time.Second)
	assert.Equal(t, 0, b.outbox.next(t).ScheduledFor.Minute())
	for minute := 1; minute <= 5; minute++ {
		kept.Payload = []byte{'0' + byte(minute)}
		kept.ID, kept.Name = "kept", string(rune('a'+minute))
		b.replaced(t, kept)
		b.clock.Advance(time.Minute)
		task := b.outbox.next(t)
		assert.Equal(t, minute, task.ScheduledFor.Minute())
		assert.Equal(t, kept.Payload, task.Payload)
		assert.Equal(t, TaskID("kept", task.ScheduledFor), task.ID, "whatever it is called")
	}
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}

// Entries come and go, and one that is given other times has them from then on.
func TestReplaceOtherEntries(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("hourly", "@hourly"), entry("gone", "@hourly"))
	b.replaced(t, entry("hourly", "30 * * * *"), entry("new", "@hourly"))
	b.clock.Advance(30 * time.Second)
	assert.Equal(t, "new", b.outbox.next(t).Schedule)
	b.clock.Advance(30 * time.Minute)
	task := b.outbox.next(t)
	assert.Equal(t, "hourly", task.Schedule)
	assert.Equal(t, 30, task.ScheduledFor.Minute())
	b.replaced(t, entry("hourly", "15 * * * *")) // 15 minutes ago is not missed: it did not fire then
	b.clock.Advance(44 * time.Minute)
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}

// A tick that is being published is finished, as the old entry has it, and comes once.
func TestReplaceWhileATickIsPublished(t *testing.T) {
	release := make(chan struct{})
	b := newBundle(func(ctx context.Context, task tasks.Task) error {
		if task.Key == "test.old" {
			<-release
		}
		return ctx.Err()
	})
	old, other := entry("old", "* * * * *"), entry("other", "* * * * *")
	b.run(t, old, other)
	b.clock.Advance(30 * time.Second)
	b.outbox.next(t)
	b.outbox.next(t)
	replacement := old
	replacement.Key = "test.new"
	other.Priority = 7
	b.replaced(t, replacement, other, entry("third", "@yearly"))
	b.clock.Advance(time.Minute)
	assert.Equal(t, "other", b.outbox.next(t).Schedule, "nobody waits for another's entry")
	close(release)
	task := b.outbox.next(t)
	assert.Equal(t, "test.new", task.Key)
	assert.Equal(t, 1, task.ScheduledFor.Minute())
	b.stopped(t)
	assert.Empty(t, b.outbox.calls)
}

// A catch-up ends with the tick that it is at.
func TestReplaceEndsACatchUp(t *testing.T) {
	release := make(chan struct{})
	b := newBundle(func(context.Context, tasks.Task) error {
		<-release
		return nil
	})
	flood := entry("flood", "* * * * * *")
	flood.CatchUp = CatchUp{Policy: CatchUpAll, Max: 500}
	b.run(t, flood)
	b.clock.Advance(time.Hour)
	b.outbox.next(t)
	flood.CatchUp = CatchUp{Policy: CatchUpNone}
	b.replaced(t, flood)
	close(release)
	b.settles(t, 1+11) // those on time come under the new entry
	b.stopped(t)
	assert.Len(t, b.outbox.calls, 11)
}

// While the ledger cannot be told of other entries, those before are emitted.
func TestReplaceWithoutALedger(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("old", "* * * * *"))
	b.streams.breaks(errBroken)
	require.NoError(t, b.scheduler.Replace([]Entry{entry("new", "* * * * *")}))
	b.clock.untilTimer(t, 500*time.Millisecond, 500*time.Millisecond)
	b.streams.breaks(nil)
	b.clock.Advance(500 * time.Millisecond)
	b.waits(t, 2)
	b.clock.Advance(30 * time.Second)
	assert.Equal(t, "new", b.outbox.next(t).Schedule)
	b.stopped(t)
}

func TestReplaceRefuses(t *testing.T) {
	b := newBundle(nil)
	b.run(t, entry("hourly", "@hourly"))
	require.ErrorIs(t, b.scheduler.Replace([]Entry{entry("hourly", "x")}), ErrInvalidEntry)
	require.ErrorIs(t, b.scheduler.Replace([]Entry{daily(), daily()}), ErrInvalidEntry)
	b.clock.Advance(30 * time.Second)
	assert.Equal(t, "hourly", b.outbox.next(t).Schedule, "nothing has changed")
	b.stopped(t)
}

// Of two schedulers one fires; when it stops the other does, at once.
func TestRunByTwo(t *testing.T) {
	clock, memory := newTestClock(start), newMemory()
	run := func() (s *Scheduler, out *outbox, log *logtest.Log, stop func()) {
		out, log = newOutbox(clock), &logtest.Log{}
		s, err := New(Config{
			Entries: []Entry{entry("hourly", "@hourly")}, Enqueuer: out, Streams: memory, Clock: clock,
			Log: slog.New(slog.NewTextHandler(log, nil)),
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		stop = func() {
			cancel()
			select {
			case err := <-done:
				require.NoError(t, err)
			case <-time.After(soon):
				require.FailNow(t, "Run does not return")
			}
		}
		require.Eventually(t, func() bool { return s.Ready() == nil }, soon, time.Millisecond)
		return s, out, log, stop
	}
	leads := func(log *logtest.Log) func() bool {
		return func() bool { return strings.Contains(log.String(), "emitting ticks") }
	}
	leader, first, log, stopFirst := run()
	require.Eventually(t, leads(log), soon, time.Millisecond, "one leads")
	assert.Equal(t, Stats{Leading: true, Term: 1}, leader.Stats())
	assert.Contains(t, log.String(), "msg=leading term=1")
	second, other, secondLog, stopSecond := run()
	require.Error(t, second.lease.IsLeader(t.Context()))
	assert.Equal(t, Stats{Term: 1}, second.Stats())
	stopFirst()
	require.Eventually(t, leads(secondLog), soon, time.Millisecond, "the other leads, without a wait: the clock stands")
	assert.NoError(t, second.lease.IsLeader(t.Context()))
	assert.Equal(t, Stats{Leading: true, Term: 2}, second.Stats())
	assert.False(t, leader.Stats().Leading)
	stopSecond()
	assert.Empty(t, first.calls)
	assert.Empty(t, other.calls)
}

// halfBlind is streams of which one cannot be read.
type halfBlind struct{ *memory }

func (h halfBlind) ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error {
	if stream == "warren.schedule" {
		return errBroken
	}
	return h.memory.ReadStream(ctx, stream, from, each)
}

// A scheduler that cannot read the ledger leaves the lease to one that can, and is not ready.
func TestRunByOneThatCannot(t *testing.T) {
	memory := newMemory()
	run := func(streams Streams) (*Scheduler, *logtest.Log, func()) {
		log := &logtest.Log{}
		s, err := New(Config{
			Entries: []Entry{entry("hourly", "@hourly")}, Enqueuer: newOutbox(clockwork.NewRealClock()), Streams: streams,
			Lease: lease.MinLease, Log: slog.New(slog.NewTextHandler(log, nil)),
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		return s, log, func() { cancel(); require.NoError(t, <-done) }
	}
	blind, log, stopBlind := run(halfBlind{memory})
	require.Eventually(t, func() bool { return blind.Ready() != nil && strings.Contains(log.String(), "leaves that to others") }, soon, time.Millisecond)
	require.ErrorIs(t, blind.Ready(), errBroken)
	able, log, stopAble := run(memory)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "emitting ticks") }, soon, time.Millisecond)
	require.NoError(t, able.Ready())
	stopAble()
	stopBlind()
}
