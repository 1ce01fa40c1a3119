package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// However old a ledger is, to load it takes about what lies between two snapshots.
func TestLoadIsBounded(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, known("a", "b")...))
	for i := range 1000 {
		clock.Advance(time.Minute)
		require.NoError(t, w.Tick(ctx, tick("a", start.Add(time.Duration(i+1)*time.Minute))))
	}
	for name, idle := range map[string]time.Duration{"at once": 0, "after a pause": 3 * time.Hour, "after months": 300 * 24 * time.Hour} {
		before := f.read
		state, err := Load(ctx, f, stream, clock.Now().Add(idle))
		require.NoError(t, err)
		assert.Equal(t, f.all().Entries(), state.Entries())
		assert.Less(t, f.read-before, 200, name)
	}
	f.refuse = errors.New("refused")
	_, err := Load(ctx, f, stream, clock.Now())
	assert.Equal(t, f.refuse, err)
}

// What names a place where no snapshot is leads to reading everything.
func TestLoadBelievesNoPlaceWithoutASnapshot(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(f *fakeStream){
		"nothing there": func(f *fakeStream) { f.append([]byte(strings.Replace(tickLine, `"read_from":3`, `"read_from":4`, 1))) },
		"forward": func(f *fakeStream) {
			f.append([]byte(strings.Replace(tickLine, `"read_from":3`, `"read_from":4000`, 1)))
		},
		"half a snapshot": func(f *fakeStream) {
			f.append([]byte(`{"kind":"snapshot","snapshot":"x","part":2,"parts":2,"read_from":3,"at":"2026-11-22T07:00:00Z"}`))
		},
		"a snapshot without its end": func(f *fakeStream) {
			f.append([]byte(`{"kind":"snapshot","snapshot":"x","part":1,"parts":2,"read_from":3,"at":"2026-11-22T07:00:00Z"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, clock := newStream()
			w := lead(t, f, clock, 1)
			require.NoError(t, w.Know(t.Context(), known("a", "b")...))
			require.NoError(t, w.Tick(t.Context(), tick("b", start.Add(time.Minute))))
			clock.Advance(24 * time.Hour)
			forge(f)
			state, err := Load(t.Context(), f, stream, clock.Now())
			require.NoError(t, err)
			assert.Equal(t, f.all().Entries(), state.Entries())
			at, _ := state.Position("b")
			assert.Equal(t, start.Add(time.Minute), at)
		})
	}
}

func TestLoadOfAStreamThatBeganAnew(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, known("a")...))
	f.records = nil
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(time.Minute))))
	state, err := Load(ctx, f, stream, clock.Now())
	require.NoError(t, err)
	assert.Empty(t, state.Entries(), "nobody knows since when it counts")
	f.refuse = errors.New("there is no such number") // a reader would wait for it
	clock.Advance(snapshotAfter)
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(2*time.Minute))))
	f.refuse = nil
	clock.Advance(snapshotRetry)
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(3*time.Minute))))
	state, err = Load(ctx, f, stream, clock.Now())
	require.NoError(t, err)
	assert.Equal(t, f.all().Entries(), state.Entries())
	at, _ := state.Position("a")
	assert.Equal(t, start.Add(3*time.Minute), at, "the next snapshot says all again")
}

func TestRead(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, Known{"a", "nightly", "x"}, Known{"b", "b", "x"}))
	for i := range 10 {
		clock.Advance(time.Hour)
		at := start.Add(time.Duration(i) * time.Hour)
		require.NoError(t, w.Tick(ctx, Tick{Entry: "a", Name: "nightly", ScheduledFor: at, ID: fmt.Sprint("a", i)}))
		require.NoError(t, w.Skip(ctx, Skip{Entry: "b", Name: "b", From: at, To: at, Ticks: 1, Reason: ReasonNone}))
		f.append([]byte("garbage"))
	}
	read := func(filter Filter) (ids []string, unreadable int) {
		unreadable, err := Read(ctx, f, stream, filter, func(r Record) error {
			ids = append(ids, string(r.Kind)+" "+r.ID+string(r.Reason))
			return nil
		})
		require.NoError(t, err)
		return ids, unreadable
	}
	all, unreadable := read(Filter{})
	assert.Len(t, all, 20)
	assert.Equal(t, 10, unreadable)
	assert.Equal(t, []string{"tick a0", "skipped catch_up none"}, all[:2])
	for _, name := range []string{"a", "nightly"} {
		ids, _ := read(Filter{Entry: name, Since: start.Add(9 * time.Hour)})
		assert.Equal(t, []string{"tick a8", "tick a9"}, ids)
	}
	ids, _ := read(Filter{Kinds: []Kind{KindTick}, Until: start.Add(3 * time.Hour)})
	assert.Equal(t, []string{"tick a0", "tick a1"}, ids)
	ids, _ = read(Filter{Kinds: []Kind{KindKnown}})
	assert.Len(t, ids, 2)
	stop := errors.New("stop")
	_, err := Read(ctx, f, stream, Filter{}, func(Record) error { return stop })
	assert.Equal(t, stop, err)
}
