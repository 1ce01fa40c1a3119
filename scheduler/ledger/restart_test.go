package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a clock that was a year fast has left behind silences an entry for nobody after it.
func TestRestart(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	fast := lead(t, f, skewed{clock, 365 * 24 * time.Hour}, 1)
	require.NoError(t, fast.Know(ctx, known("a", "b")...))
	ahead := start.Add(366 * 24 * time.Hour)
	require.NoError(t, fast.Tick(ctx, tick("a", ahead)))
	require.NoError(t, fast.Skip(ctx, Skip{Entry: "b", From: ahead, To: ahead, Ticks: 1}))

	w := lead(t, f, clock, 2)
	require.NoError(t, w.Know(ctx, known("a", "b")...))
	clock.Advance(time.Second)
	for i, entry := range []string{"a", "b"} {
		require.Equal(t, ahead, position(t, w, entry))
		require.NoError(t, w.Restart(ctx, entry))
		require.Equal(t, start.Add(time.Second), position(t, w, entry))
		last := f.decoded()[len(f.records)-1]
		assert.Equal(t, KindKnown, last.Kind)
		assert.Equal(t, uint64(1), last.Epoch)
		at := start.Add(time.Minute)
		require.NoError(t, w.Tick(ctx, tick(entry, at)))
		require.NoError(t, fast.Tick(ctx, tick(entry, ahead.Add(time.Hour))), "it is deposed, and late")
		require.NoError(t, fast.Know(ctx, known("a@later", "b@later")[i]))
		e, _ := lead(t, f, clock, 3).Entry(entry)
		assert.Equal(t, Entry{
			Name: entry, Timetable: "* * * * *", Since: start.Add(time.Second), SeenAt: start.Add(time.Second), SeenTerm: 2,
			SeenEpoch: 1, Epoch: 1, Last: at, Emitted: Emission{at, tick(entry, at).ID, start.Add(time.Second)},
		}, e)
	}
	next := lead(t, f, clock, 3)
	require.NoError(t, next.Know(ctx, known("a@daily", "b")...))
	require.NoError(t, next.Restart(ctx, "a"))
	e, _ := lead(t, f, clock, 4).Entry("a")
	assert.Equal(t, uint64(2), e.Epoch)
	assert.Equal(t, "daily", e.Timetable, "a sight is of the present epoch")
}

func TestRestartThatFails(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.ErrorIs(t, w.Restart(ctx, "a"), ErrInvalidRecord)
	require.NoError(t, w.Know(ctx, known("a")...))
	ahead := start.Add(24 * time.Hour)
	require.NoError(t, w.Tick(ctx, tick("a", ahead)))
	lost := errors.New("connection lost")
	for _, appended := range []bool{false, true} {
		f.answer = func([]byte) (bool, error) { return appended, lost }
		require.ErrorIs(t, w.Restart(ctx, "a"), lost, fmt.Sprint(appended))
		assert.Equal(t, ahead, position(t, w, "a"))
	}
	f.answer = nil
	clock.Advance(time.Minute)
	require.NoError(t, w.Restart(ctx, "a"))
	require.NoError(t, w.Tick(ctx, tick("a", start.Add(2*time.Minute))))
	assert.Equal(t, start.Add(2*time.Minute), position(t, lead(t, f, clock, 2), "a"))
}
