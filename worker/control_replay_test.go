package worker

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/streams"
	"github.com/warrenmq/warren/tasks"
)

// slowReader is a reader of the control stream that has not caught up when the worker starts.
type slowReader struct {
	caughtUp, marked chan struct{}
	unmarkable       error // read after marked
}

func (*slowReader) CatchUp(context.Context) error { return context.DeadlineExceeded }
func (r *slowReader) CaughtUp() <-chan struct{}   { return r.caughtUp }
func (r *slowReader) Marked() <-chan struct{}     { return r.marked }
func (*slowReader) Ready() error                  { return nil }
func (*slowReader) Close()                        {}

func (r *slowReader) Unmarkable() error {
	select {
	case <-r.marked:
		return r.unmarkable
	default:
		return nil
	}
}

// toldQueue notes what it is told.
type toldQueue struct {
	of     string
	paused bool
	told   []string
}

func (q *toldQueue) name() string { return q.of }

func (q *toldQueue) revoke(id string, _ error) { q.told = append(q.told, "revoke "+id) }

func (q *toldQueue) pause(context.Context) bool {
	if q.paused {
		return false
	}
	q.paused, q.told = true, append(q.told, "pause")
	return true
}

func (q *toldQueue) resume() bool {
	if !q.paused {
		return false
	}
	q.paused, q.told = false, append(q.told, "resume")
	return true
}

// replay has a worker that runs be told of a stream's records: email was paused once, image is.
func replay(t *testing.T, reader *slowReader) (c *controls, email, image *toldQueue) {
	t.Helper()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	email, image = &toldQueue{of: "email"}, &toldQueue{of: "image"}
	c = &controls{
		queues: []controlled{email, image}, reader: reader,
		clock: clockwork.NewFakeClockAt(now), log: slog.New(slog.DiscardHandler),
	}
	c.life, c.end = context.WithCancel(t.Context())
	t.Cleanup(c.close)
	c.begin()
	for i, r := range []control.Record{
		{Kind: control.Pause, Queue: "email"}, {Kind: control.Resume, Queue: "email"}, {Kind: control.Pause, Queue: "email"},
		{Kind: control.Revoke, ID: "1"}, {Kind: control.Pause, Queue: "image"}, {Kind: control.Resume, Queue: "email"},
	} {
		r.At = now
		line, err := json.Marshal(r)
		require.NoError(t, err)
		c.take(streams.Record{Offset: uint64(i), Body: line})
	}
	return c, email, image
}

// Pauses that were lifted long ago are not enforced one after another while the stream is replayed.
func TestPausesWaitForTheEndOfTheStream(t *testing.T) {
	t.Parallel()
	reader := &slowReader{caughtUp: make(chan struct{}), marked: make(chan struct{})}
	c, email, image := replay(t, reader)
	assert.Equal(t, []string{"revoke 1"}, email.told)
	assert.Equal(t, []string{"revoke 1"}, image.told)
	require.ErrorIs(t, c.revoked("1"), tasks.ErrRevoked)
	require.ErrorIs(t, c.degraded(), errBehind)

	close(reader.marked)
	close(reader.caughtUp)
	c.catchUp()
	assert.Equal(t, []string{"revoke 1"}, email.told)
	assert.Equal(t, []string{"revoke 1", "pause"}, image.told)
	require.NoError(t, c.degraded())
}

func TestPausesWhereTheEndIsNeverKnown(t *testing.T) {
	t.Parallel()
	reader := &slowReader{caughtUp: make(chan struct{}), marked: make(chan struct{}), unmarkable: errors.New("may not append")}
	c, email, image := replay(t, reader)
	done := make(chan struct{})
	go func() { defer close(done); c.catchUp() }()
	close(reader.marked)
	<-done
	assert.Equal(t, []string{"revoke 1"}, email.told)
	assert.Equal(t, []string{"revoke 1", "pause"}, image.told)
	require.ErrorIs(t, c.degraded(), reader.unmarkable)
}
