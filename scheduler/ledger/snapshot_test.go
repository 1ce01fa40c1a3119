package ledger

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Leaders that emit nothing write a snapshot too, once there is as much to read as there may be.
func TestTermsWithoutTicks(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	large := Known{Entry: "a", Name: "a", Timetable: strings.Repeat("x", MaxTimetableBytes)}
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, large))
	require.Zero(t, snapshotsOf(f))
	state, err := Load(ctx, f, stream, clock.Now())
	require.NoError(t, err)
	assert.Greater(t, state.weight, MaxTimetableBytes)
	state.weight = maxSnapshotWeight + 1
	w, err = NewWriter(state, f, Config{Stream: stream, Term: 2, Clock: clock})
	require.NoError(t, err)
	require.NoError(t, w.Know(ctx, large))
	require.Equal(t, 1, snapshotsOf(f))
	state, err = Load(ctx, f, stream, clock.Now())
	require.NoError(t, err)
	assert.Less(t, state.weight, MaxTimetableBytes, "a snapshot does not count")
}

func snapshotsOf(f *fakeStream) (whole int) {
	for _, r := range f.decoded() {
		if r.Kind == KindSnapshot && r.Part == r.Parts {
			whole++
		}
	}
	return whole
}

// Within a term without ticks the leader has only to say now and then what it knows.
func TestSnapshotsOfAnIdleLedger(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	w := lead(t, f, clock, 1)
	require.NoError(t, w.Know(ctx, known("a")...))
	require.Zero(t, snapshotsOf(f))
	for want := 1; want <= 5; want++ {
		require.NoError(t, w.Know(ctx, known("a")...))
		assert.Equal(t, want, snapshotsOf(f))
		clock.Advance(snapshotIdle - 1)
		require.NoError(t, w.Know(ctx, known("a")...))
		assert.Equal(t, want, snapshotsOf(f))
		clock.Advance(1)
	}
}
