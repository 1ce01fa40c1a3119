package lease

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/streams"
)

// An observer knows at any time what a reader of the whole stream would be told.
func TestObserver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		link := newLink(m)
		var o Observer
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = link.Follow(ctx, "warren.lease", &o)
		}()
		same := func() Status {
			t.Helper()
			status, err := Read(t.Context(), m, "warren.lease")
			require.NoError(t, err)
			synctest.Wait()
			assert.Equal(t, status, o.Status())
			return status
		}
		assert.False(t, same().Known)

		a := run(t, m)
		term := a.await(t)
		<-time.After(time.Second)
		assert.True(t, same().Held(time.Now(), DefaultLease))
		term.Release()
		a.end(t)
		assert.True(t, same().Resigned)
		b := run(t, m)
		b.await(t)
		<-time.After(time.Second)
		assert.EqualValues(t, 2, same().Term)
		b.end(t)
		cancel()
		<-ended
	})
}

// What an earlier session has read is not taken back while the next reads it again, and is where that has
// read all and found something else.
func TestObserverOfSessions(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	entry := func(offset uint64, r record) streams.Record {
		body, err := r.encode()
		require.NoError(t, err)
		return streams.Record{Offset: offset, Body: body}
	}
	first := entry(0, record{Kind: claim, Term: 1, Holder: "a", Seen: nothing, Seq: 1, At: at})
	second := entry(1, record{Kind: renewal, Term: 1, Holder: "a", Seen: 0, Seq: 2, At: at.Add(time.Second)})
	var o Observer
	o.Begin(0)
	o.Deliver(first)
	o.Deliver(second)
	o.CaughtUp()
	want := Status{Known: true, Term: 1, Holder: "a", Since: at, Renewed: at.Add(time.Second)}
	assert.Equal(t, want, o.Status())
	o.Deliver(streams.Record{Offset: 2, Body: []byte("nonsense")})
	o.Lost(context.Canceled)
	assert.Equal(t, want, o.Status())

	o.Begin(0)
	o.Deliver(first)
	assert.Equal(t, want, o.Status(), "it reads what is known")
	o.CaughtUp()
	assert.Equal(t, at, o.Status().Renewed, "the stream is another one")
}

// Who leads next is known at once, though its clock is behind that of whom it succeeds.
func TestObserverOfClocks(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	var o Observer
	o.Begin(0)
	for offset, r := range []record{
		{Kind: claim, Term: 1, Holder: "fast", Seen: nothing, Seq: 1, At: at.Add(time.Hour)},
		{Kind: resignation, Term: 1, Holder: "fast", Seen: 0, Seq: 2, At: at.Add(time.Hour)},
		{Kind: claim, Term: 2, Holder: "right", Seen: 1, Seq: 1, At: at},
	} {
		body, err := r.encode()
		require.NoError(t, err)
		o.Deliver(streams.Record{Offset: uint64(offset), Body: body})
	}
	assert.Equal(t, Status{Known: true, Term: 2, Holder: "right", Since: at, Renewed: at}, o.Status())
	assert.True(t, o.Status().Held(at, DefaultLease))
}
