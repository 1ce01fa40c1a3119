package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// memory is a stream in memory, whose appends may be made to fail or to wait.
type memory struct {
	mu      sync.Mutex
	fails   error
	hold    chan struct{} // nil, or appends wait for its end
	appends int
	records [][]byte
}

func (m *memory) Append(ctx context.Context, stream string, bodies ...[]byte) error {
	m.mu.Lock()
	hold := m.hold
	m.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.appends++
	if m.fails != nil {
		return m.fails
	}
	for _, body := range bodies {
		m.records = append(m.records, bytes.Clone(body))
	}
	return nil
}

func (m *memory) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// events are those that are kept.
func (m *memory) events(t *testing.T) []Event {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var events []Event
	for _, record := range m.records {
		require.Equal(t, byte('\n'), record[len(record)-1])
		for line := range bytes.Lines(record) {
			var e Event
			require.NoError(t, json.Unmarshal(line, &e))
			events = append(events, e)
		}
	}
	return events
}

func event(n int) tasks.Event {
	return tasks.Event{Kind: tasks.EventSucceeded, At: at, Worker: "w", Task: &tasks.Task{ID: fmt.Sprint(n)}}
}

// start returns a recorder, closed at the end of the test.
func start(t *testing.T, to Appender, cfg Config) *Recorder {
	t.Helper()
	cfg.Stream, cfg.Log = "warren.history", slog.New(slog.DiscardHandler)
	r, err := New(to, cfg)
	require.NoError(t, err)
	return r
}

// Events wait for each other and go as one record.
func TestRecorderCollects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := start(t, m, Config{})
		r.Record(event(1))
		r.Record(event(2))
		r.Record(tasks.Event{Kind: tasks.EventStarted, Task: &tasks.Task{ID: "not at this level"}})
		synctest.Wait()
		assert.Empty(t, m.events(t))
		<-time.After(DefaultInterval) // the bubble's clock
		synctest.Wait()
		assert.Len(t, m.records, 1)
		require.Len(t, m.events(t), 2)
		assert.Equal(t, "2", m.events(t)[1].ID)
		require.NoError(t, r.Close(t.Context()))
		require.NoError(t, r.Close(t.Context()))
	})
}

// A flight leaves before its interval has passed once it holds a quarter of what may wait.
func TestRecorderHurries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := start(t, m, Config{Interval: time.Hour, MaxBytes: MinMaxBytes})
		long := event(1)
		long.Worker = strings.Repeat("w", MinMaxBytes/hurryShare-1000)
		r.Record(long)
		synctest.Wait()
		assert.Empty(t, m.events(t))
		for n := range 4 {
			short := event(n + 2)
			short.Worker = strings.Repeat("w", 300)
			r.Record(short)
		}
		synctest.Wait()
		assert.NotEmpty(t, m.events(t))
		require.NoError(t, r.Close(t.Context()))
		assert.Len(t, m.events(t), 5)
	})
}

// Store waits for its event alone, and those that come while one is on its way go together.
func TestRecorderStores(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		r := start(t, m, Config{Interval: time.Hour})
		began := time.Now()
		var all sync.WaitGroup
		all.Go(func() { assert.NoError(t, r.Store(t.Context(), event(0))) })
		synctest.Wait() // on its way
		for n := range 50 {
			all.Go(func() { assert.NoError(t, r.Store(t.Context(), event(n+1))) })
		}
		synctest.Wait()
		close(m.hold)
		all.Wait()
		assert.Len(t, m.events(t), 51)
		assert.Equal(t, 2, m.appends)
		assert.Zero(t, time.Since(began))
		require.NoError(t, r.Store(t.Context(), tasks.Event{Kind: tasks.EventStarted}), "nothing to wait for")

		m.set(func() { m.hold = make(chan struct{}) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Store(ctx, event(51)), context.DeadlineExceeded)
		close(m.hold)
		require.NoError(t, r.Close(t.Context()))
		assert.Len(t, m.events(t), 52, "it is kept all the same")
		require.ErrorIs(t, r.Store(t.Context(), event(52)), ErrClosed)
		require.ErrorIs(t, r.Close(t.Context()), ErrLost)
	})
}

// What cannot be appended is tried again; what there is no room for meanwhile is dropped, counted, and
// told.
func TestRecorderDrops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{fails: errors.New("away")}
		r := start(t, m, Config{MaxBytes: MinMaxBytes})
		const count = 10_000
		for n := range count {
			r.Record(event(n))
		}
		<-time.After(time.Minute)
		m.set(func() {
			assert.Less(t, m.appends, 30, "with patience")
			assert.Greater(t, m.appends, 10)
			m.fails = nil
		})
		require.NoError(t, r.Close(t.Context()))
		events := m.events(t)
		var gap Event // or several
		kept := map[string]bool{}
		for _, e := range events {
			if e.Event == Gap {
				e.Count += gap.Count
				gap = e
			} else {
				kept[e.ID] = true
			}
		}
		assert.Equal(t, count, len(kept)+gap.Count)
		assert.Positive(t, gap.Count)
		assert.Equal(t, "w", gap.Worker)
		assert.LessOrEqual(t, len(bytes.Join(m.records, nil)), MinMaxBytes+500)
	})
}

// A stored event that finds no room in its time is counted.
func TestRecorderDropsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		r := start(t, m, Config{MaxBytes: MinMaxBytes})
		full := event(0)
		full.Worker = strings.Repeat("w", MinMaxBytes)
		r.Record(full)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		require.ErrorIs(t, r.Store(ctx, event(1)), context.DeadlineExceeded)
		close(m.hold)
		require.NoError(t, r.Close(t.Context()))
		events := m.events(t)
		gap := events[len(events)-1]
		assert.Equal(t, Gap, gap.Event)
		assert.Equal(t, 1, gap.Count)
		assert.Equal(t, "w", gap.Worker)
	})
}

// While appending fails nobody waits for it, and once it works again all that had room is kept.
func TestRecorderStoresWhileFailing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		m := &memory{fails: away}
		r := start(t, m, Config{MaxBytes: MinMaxBytes, Block: true})
		r.Record(event(0))
		<-time.After(DefaultInterval)
		synctest.Wait() // it has failed
		began := time.Now()
		const count = 1000
		for n := range count {
			err := r.Store(t.Context(), event(n+1))
			require.ErrorIs(t, err, ErrNotKept)
			require.ErrorIs(t, err, away)
		}
		assert.Zero(t, time.Since(began))

		m.set(func() { m.fails = nil })
		<-time.After(backoffMax)
		synctest.Wait()
		require.NoError(t, r.Store(t.Context(), event(count+1)), "it waits again")
		require.NoError(t, r.Close(t.Context()))
		kept, dropped := 0, 0
		for _, e := range m.events(t) {
			if e.Event == Gap {
				dropped += e.Count
			} else {
				kept++
			}
		}
		assert.Equal(t, count+2, kept+dropped)
		assert.Positive(t, dropped)
	})
}

// Where it is configured, who records waits for room and nothing is dropped.
func TestRecorderBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		r := start(t, m, Config{MaxBytes: MinMaxBytes, Block: true})
		const count = 3000
		recorded := make(chan struct{})
		go func() {
			defer close(recorded)
			for n := range count {
				r.Record(event(n))
			}
		}()
		<-time.After(time.Minute)
		select {
		case <-recorded:
			assert.Fail(t, "it did not wait")
		default:
		}
		close(m.hold)
		<-recorded
		require.NoError(t, r.Close(t.Context()))
		assert.Len(t, m.events(t), count)
	})
}

// A stop is not longer than it may be, and tells what is lost.
func TestRecorderGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		r := start(t, m, Config{MaxBytes: MinMaxBytes, Block: true})
		blocked := make(chan struct{})
		go func() {
			defer close(blocked)
			for n := range 700 {
				r.Record(event(n))
			}
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		err := r.Close(ctx)
		require.ErrorIs(t, err, ErrLost)
		assert.Equal(t, 5*time.Second, time.Since(began))
		<-blocked
		assert.EqualError(t, r.Close(ctx), "events are lost: 700")
	})
}

// What is lost is what was on its way, what was to go next, and what was dropped without a gap.
func TestRecorderCountsAllThatIsLost(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"given up before Close's last flight": false, "in it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first := make(chan struct{})
				m := &memory{hold: first}
				r := start(t, m, Config{MaxBytes: MinMaxBytes})
				r.Record(event(0))
				<-time.After(DefaultInterval)
				synctest.Wait() // on its way
				const count = 3000
				for n := range count {
					r.Record(event(n + 1))
				}
				want := count + 1
				if late {
					m.set(func() { m.hold = make(chan struct{}) })
					close(first)
					want = count
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				assert.EqualError(t, r.Close(ctx), fmt.Sprintf("events are lost: %d", want))
			})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]Config{
		"Stream":   {},
		"Level":    {Stream: "s", Level: "much"},
		"Interval": {Stream: "s", Interval: -1},
		"MaxBytes": {Stream: "s", MaxBytes: 1},
	} {
		_, err := New(&memory{}, cfg)
		require.ErrorIs(t, err, ErrInvalidConfig)
		assert.ErrorContains(t, err, want+": ")
	}
}

func BenchmarkRecord(b *testing.B) {
	r, err := New(discard{}, Config{Stream: "s"})
	require.NoError(b, err)
	task := &tasks.Task{ID: tasks.NewID(), Key: "email.welcome.eu", Queue: "email", Attempt: 1, EnqueuedAt: at, By: tasks.Identity{Name: "guest"}}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e := tasks.EventOf(task, tasks.Decision{Action: tasks.Ack})
			e.At, e.Started, e.Worker = at, at, "host.example:12345"
			r.Record(e)
		}
	})
	b.StopTimer()
	require.NoError(b, r.Close(b.Context()))
}

type discard struct{}

func (discard) Append(context.Context, string, ...[]byte) error { return nil }
