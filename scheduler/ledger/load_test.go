package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/streams"
)

// However old a ledger is, to load it takes about what lies between two snapshots, and few connections.
func TestLoadIsBounded(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, known("a", "b")...))
	const ticks = 2000
	for i := range ticks {
		clock.Advance(20 * time.Second)
		require.NoError(t, w.Tick(ctx, tick("a", start.Add(time.Duration(i+1)*20*time.Second))))
	}
	for name, test := range map[string]struct {
		idle        time.Duration
		reads, read int
	}{
		"at once":         {0, 2, 100},
		"after seconds":   {30 * time.Second, 3, 200},
		"after a pause":   {3 * time.Hour, 6, 2*maxLooked + 1000},
		"after weeks":     {30 * 24 * time.Hour, 8, ticks + 2*maxLooked + 1000},
		"after years":     {1000 * 24 * time.Hour, 6, ticks + 1000},
		"by a slow clock": {-1000 * 24 * time.Hour, 2, ticks + 1000},
	} {
		f.read, f.reads = 0, 0
		state, err := Load(ctx, f, stream, clock.Now().Add(test.idle))
		require.NoError(t, err)
		assert.Equal(t, f.all().Entries(), state.Entries())
		assert.LessOrEqual(t, f.read, test.read, name)
		assert.LessOrEqual(t, f.reads, test.reads, name)
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
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(time.Second))))
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

// remade is a stream that is deleted once it has been read, and made anew.
type remade struct{ *fakeStream }

func (r remade) ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error {
	err := r.fakeStream.ReadStream(ctx, stream, from, each)
	r.records = r.records[:min(len(r.records), 2)]
	return err
}

func TestLoadWhileTheStreamIsMadeAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, clock := newStream()
		w := lead(t, f, clock, 1)
		require.NoError(t, w.Know(t.Context(), known("a", "b")...))
		for i := range 100 {
			clock.Advance(snapshotAfter)
			require.NoError(t, w.Tick(t.Context(), tick("a", start.Add(time.Duration(i)*time.Minute))))
		}
		begun := time.Now()
		state, err := Load(t.Context(), remade{f}, stream, clock.Now())
		require.NoError(t, err)
		assert.Equal(t, f.all().Entries(), state.Entries())
		assert.Len(t, state.Entries(), 2)
		assert.Equal(t, silence, time.Since(begun))
	})
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
