package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lead begins a term as a scheduler does.
func lead(t require.TestingT, f *fakeStream, clock clockwork.Clock, term uint64) *Writer {
	state, err := Load(context.Background(), f, stream, clock.Now())
	require.NoError(t, err)
	w, err := NewWriter(state, f, Config{
		Stream: stream, Term: term, Scheduler: "host:1", Clock: clock, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return w
}

func known(names ...string) []Known {
	all := make([]Known, 0, len(names))
	for _, name := range names {
		identity, timetable, found := strings.Cut(name, "@")
		if !found {
			timetable = "* * * * *"
		}
		all = append(all, Known{Entry: identity, Name: identity, Timetable: timetable})
	}
	return all
}

func tick(entry string, at time.Time) Tick {
	return Tick{Entry: entry, Name: entry, ScheduledFor: at, ID: entry + at.UTC().Format("150405"), Key: "test." + entry}
}

func position(t require.TestingT, w *Writer, entry string) time.Time {
	at, found := w.Position(entry)
	require.True(t, found, entry)
	return at
}

func kinds(f *fakeStream) (all []Kind) {
	for _, r := range f.decoded() {
		all = append(all, r.Kind)
	}
	return all
}

func TestTerm(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	_, found := w.Position("a")
	require.False(t, found)
	require.NoError(t, w.Know(ctx, known("a", "b")...))
	assert.Equal(t, start, position(t, w, "a"), "what was before the first sight is not missed")
	assert.Equal(t, []Kind{KindKnown, KindKnown}, kinds(f), "the first tick does not wait for a snapshot")

	zone := time.FixedZone("", 3600)
	clock.Advance(90 * time.Second)
	require.NoError(t, w.Tick(ctx, Tick{
		Entry: "a", Name: "nightly", ScheduledFor: start.Add(time.Minute).In(zone), ID: "id-1", Key: "report.nightly",
		Late: 30*time.Second + 1234567, CaughtUp: true,
	}))
	require.NoError(t, w.Skip(ctx, Skip{
		Entry: "b", Name: "b", From: start.Add(time.Second).In(zone), To: start.Add(time.Minute).In(zone), Ticks: 60, AtLeast: true, Reason: ReasonCap,
	}))
	assert.JSONEq(t, `{"kind":"tick","entry":"a","name":"nightly","scheduled_for":"2026-11-22T07:01:00+01:00","id":"id-1",`+
		`"key":"report.nightly","late_ms":30001,"caught_up":true,"at":"2026-11-22T06:01:30Z","term":1,"scheduler":"host:1"}`,
		string(f.records[2].Body))
	assert.Equal(t, []Kind{KindKnown, KindKnown, KindTick, KindSnapshot, KindSkipped}, kinds(f))
	assert.JSONEq(t, `{"kind":"skipped","entry":"b","name":"b","from":"2026-11-22T07:00:01+01:00","to":"2026-11-22T07:01:00+01:00",`+
		`"ticks":60,"at_least":true,"reason":"cap","read_from":3,"at":"2026-11-22T06:01:30Z","term":1,"scheduler":"host:1"}`,
		string(f.records[4].Body))

	next := lead(t, f, clock, 2)
	assert.Equal(t, start.Add(time.Minute), position(t, next, "a"))
	assert.Equal(t, start.Add(time.Minute), position(t, next, "b"))
	e, _ := next.Entry("a")
	assert.Equal(t, Entry{
		Name: "a", Timetable: "* * * * *", Since: start, SeenAt: start, SeenTerm: 1, Last: start.Add(time.Minute),
		Emitted: Emission{start.Add(time.Minute), "id-1", start.Add(90 * time.Second)},
	}, e)
	e, _ = next.Entry("b")
	assert.Zero(t, e.Emitted)
	require.NoError(t, next.Know(ctx, known("a", "b")...))
	assert.Len(t, f.records, 5, "nothing is new but the term")
}

func TestAnErrorSettlesNothing(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, known("a")...))
	lost := errors.New("connection lost")
	for _, appended := range []bool{false, true} {
		f.answer = func([]byte) (bool, error) { return appended, lost }
		require.ErrorIs(t, w.Tick(ctx, tick("a", start.Add(time.Minute))), lost)
		require.ErrorIs(t, w.Skip(ctx, Skip{Entry: "a", From: start, To: start, Ticks: 1}), lost)
		require.ErrorIs(t, w.Know(ctx, known("a", "b")...), lost)
		assert.Equal(t, start, position(t, w, "a"))
		_, found := w.Position("b")
		assert.False(t, found)
	}
	f.answer = nil
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(time.Minute))))
	assert.Equal(t, start.Add(time.Minute), position(t, w, "a"))
	assert.Equal(t, start.Add(time.Minute), position(t, lead(t, f, clock, 2), "a"))
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	f, _ := newStream()
	ctx := t.Context()
	for _, cfg := range []Config{{Term: 1}, {Stream: stream}, {Stream: stream, Term: 1, Scheduler: strings.Repeat("x", 256)}} {
		_, err := NewWriter(&State{}, f, cfg)
		require.ErrorIs(t, err, ErrInvalidConfig)
	}
	w, err := NewWriter(&State{}, f, Config{Stream: stream, Term: 1})
	require.NoError(t, err)
	require.NoError(t, w.Know(ctx))
	for want, call := range map[string]func() error{
		"entry: 0 bytes":                 func() error { return w.Tick(ctx, tick("", start)) },
		"id: 0 bytes":                    func() error { return w.Tick(ctx, Tick{Entry: "a", ScheduledFor: start}) },
		"scheduled_for: 0001-01-01":      func() error { return w.Tick(ctx, Tick{Entry: "a", ID: "x"}) },
		`entry: "\xff" is not UTF-8`:     func() error { return w.Tick(ctx, tick("\xff", start)) },
		"0 ticks":                        func() error { return w.Skip(ctx, Skip{Entry: "a", From: start, To: start}) },
		"1 ticks from":                   func() error { return w.Skip(ctx, Skip{Entry: "a", From: start, To: start.Add(-1), Ticks: 1}) },
		`two entries are "a"`:            func() error { return w.Know(ctx, known("a", "a")...) },
		"timetable: 4097 bytes":          func() error { return w.Know(ctx, known("a@"+strings.Repeat("x", 4097))...) },
		"name: 256 bytes, it has 0..255": func() error { return w.Know(ctx, Known{Entry: "a", Name: strings.Repeat("x", 256)}) },
	} {
		err := call()
		require.ErrorIs(t, err, ErrInvalidRecord)
		assert.ErrorContains(t, err, want)
	}
	assert.ErrorIs(t, w.Know(ctx, make([]Known, MaxEntries+1)...), ErrTooManyEntries)
	assert.Empty(t, f.records)
}

func TestSightsOfAnEntry(t *testing.T) {
	t.Parallel()
	minute := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	for name, test := range map[string]struct {
		steps []string // what the configuration of a leader is, 40 minutes after the one before
		want  Entry
	}{
		"known":                      {[]string{"a", "a"}, Entry{Since: start, SeenAt: start}},
		"another timetable":          {[]string{"a", "a@daily"}, Entry{Timetable: "daily", Since: minute(40), SeenAt: minute(40)}},
		"absent":                     {[]string{"a", "b", "b"}, Entry{Since: start, SeenAt: minute(40), AbsentSince: minute(40)}},
		"back soon":                  {[]string{"a", "b", "a"}, Entry{Since: start, SeenAt: minute(80)}},
		"back with other times":      {[]string{"a", "b", "a@daily"}, Entry{Timetable: "daily", Since: minute(80), SeenAt: minute(80)}},
		"back late":                  {[]string{"a", "b", "b", "a"}, Entry{Since: minute(120), SeenAt: minute(120)}},
		"leaders with different":     {[]string{"a", "b", "a", "b", "a", "b", "a"}, Entry{Since: start, SeenAt: minute(240)}},
		"two timetables in turn":     {[]string{"a", "a@daily", "a"}, Entry{Since: minute(80), SeenAt: minute(80)}},
		"other entries do not count": {[]string{"a", "a b", "a"}, Entry{Since: start, SeenAt: start}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, clock := newStream()
			for i, names := range test.steps {
				w := lead(t, f, clock, uint64(i+1))
				require.NoError(t, w.Know(t.Context(), known(strings.Fields(names)...)...))
				clock.Advance(40 * time.Minute)
			}
			got, found := lead(t, f, clock, 99).Entry("a")
			require.True(t, found)
			test.want.Name, test.want.SeenTerm = "a", got.SeenTerm
			if test.want.Timetable == "" {
				test.want.Timetable = "* * * * *"
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestRenamedEntryGoesOn(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, Known{"a", "nightly", "daily"}))
	require.NoError(t, w.Know(ctx, Known{"a", "report", "daily"}), "at the same moment")
	e, _ := lead(t, f, clock, 2).Entry("a")
	assert.Equal(t, "report", e.Name)
	assert.Equal(t, start, e.Since)
}

func TestAbsentEntryIsForgotten(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, known("a", "b")...))
	require.NoError(t, w.Know(ctx, known("b")...))
	clock.Advance(forgotten)
	w = lead(t, f, clock, 2)
	require.NoError(t, w.Know(ctx, known("b")...))
	_, found := w.Entry("a")
	assert.True(t, found)
	clock.Advance(time.Second)
	w = lead(t, f, clock, 3)
	require.NoError(t, w.Know(ctx, known("b")...))
	_, found = w.Entry("a")
	assert.False(t, found)
	require.NoError(t, w.Know(ctx, known("b")...))
	records := f.decoded()
	assert.Equal(t, KindSnapshot, records[len(records)-1].Kind)
	assert.NotContains(t, records[len(records)-1].Entries, "a")
}

func TestSnapshotsComeByWeightAndTime(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, known("a")...))
	count := func() (snapshots, since int) {
		for _, k := range kinds(f) {
			if since++; k == KindSnapshot {
				snapshots, since = snapshots+1, 0
			}
		}
		return snapshots, since
	}
	for i := range 1500 {
		require.NoError(t, w.Tick(ctx, tick("a", start.Add(time.Duration(i)*time.Millisecond))))
	}
	snapshots, since := count()
	assert.InDelta(t, 1500*230/snapshotWeight, snapshots, 1.5, "by weight")
	assert.Positive(t, since)
	clock.Advance(snapshotAfter)
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(time.Hour))))
	more, since := count()
	assert.Equal(t, snapshots+1, more, "by time")
	assert.Zero(t, since)
	clock.Advance(snapshotAfter)
	require.NoError(t, w.Know(ctx, known("a")...))
	again, _ := count()
	assert.Equal(t, more, again, "nothing was appended")
}

func TestASnapshotThatFails(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	f.answer = func(body []byte) (bool, error) {
		if strings.Contains(string(body), `"kind":"snapshot"`) {
			return false, errors.New("no")
		}
		return true, nil
	}
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, known("a")...), "what matters is appended")
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(time.Minute))))
	f.answer = nil
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(2*time.Minute))))
	assert.NotContains(t, kinds(f), KindSnapshot, "not yet again")
	clock.Advance(snapshotRetry)
	f.refuse = errors.New("no reading")
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(3*time.Minute))))
	assert.NotContains(t, kinds(f), KindSnapshot)
	clock.Advance(snapshotRetry)
	f.refuse = nil
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(4*time.Minute))))
	assert.Equal(t, []Kind{KindKnown, KindTick, KindTick, KindTick, KindTick, KindSnapshot}, kinds(f))
	assert.Equal(t, uint64(5), *f.decoded()[5].ReadFrom)
}

// Ticks that are appended while a snapshot is on its way are not lost, whoever appends them.
func TestTicksBesideSnapshots(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	older, w := lead(t, f, clock, 1), lead(t, f, clock, 2)
	var names []string
	for i := range 8 {
		names = append(names, fmt.Sprintf("e%d", i))
	}
	require.NoError(t, older.Know(ctx, known(names...)...))
	require.NoError(t, w.Know(ctx, known(names...)...))
	var group sync.WaitGroup
	for i, name := range names {
		writer := w
		if i == 0 {
			writer = older
		}
		group.Go(func() {
			for n := range 40 {
				assert.NoError(t, writer.Tick(ctx, tick(name, start.Add(time.Duration(n+1)*time.Second))))
				if n%4 == 0 {
					clock.Advance(snapshotAfter)
				}
			}
		})
	}
	group.Wait()
	want := f.all().Entries()
	starts := map[uint64]bool{}
	for _, r := range f.decoded() {
		if from, ok := r.start(); ok {
			starts[from] = true
		}
	}
	assert.Greater(t, len(starts), 10)
	for from := range starts {
		load := loading{start: from}
		for _, entry := range f.records[from:] {
			require.NoError(t, load.take(entry))
		}
		require.True(t, load.covered, from)
		require.Equal(t, want, load.state.Entries(), from)
	}
}
