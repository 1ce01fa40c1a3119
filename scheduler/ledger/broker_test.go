//go:build integration

package ledger_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/ledger"
	"github.com/warrenmq/warren/streams"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

// counted counts the records that the latest reading gave.
type counted struct {
	*broker.Client
	records atomic.Int64
}

func (c *counted) ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error {
	c.records.Store(0)
	return c.Client.ReadStream(ctx, stream, from, func(r streams.Record) error {
		c.records.Add(1)
		return each(r)
	})
}

func setup(t testing.TB) (client *counted, stream string) {
	t.Helper()
	client = &counted{}
	var err error
	client.Client, err = broker.Connect(t.Context(), broker.Config{
		URLs: []string{brokertest.NewVhost(t).URL}, Name: t.Name(), Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	names := client.Names()
	require.NoError(t, client.Declare(t.Context(), routing.Spec{Names: names, Streams: []routing.StreamSpec{routing.ScheduleStream(names)}}))
	return client, names.Schedule()
}

func lead(t testing.TB, client *counted, stream string, term uint64) *ledger.Writer {
	t.Helper()
	state, err := ledger.Load(t.Context(), client, stream, time.Now())
	require.NoError(t, err)
	w, err := ledger.NewWriter(state, client, ledger.Config{Stream: stream, Term: term, Scheduler: "host:1", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return w
}

// Term after term finds what the ones before it have written, and begins to read at a snapshot.
func TestTermsOnABroker(t *testing.T) {
	t.Parallel()
	client, stream := setup(t)
	at := time.Now().Truncate(time.Second).UTC()
	old := make([][]byte, 1000)
	for i := range old {
		r := ledger.Record{Kind: ledger.KindTick, Entry: "a", ScheduledFor: at.Add(-time.Hour), ID: "x", At: at, Term: 1}
		var err error
		old[i], err = r.Encode()
		require.NoError(t, err)
	}
	require.NoError(t, client.Append(t.Context(), stream, old...))
	const terms, ticks = 2, 10
	for term := range uint64(terms) {
		w := lead(t, client, stream, term+1)
		if term > 0 {
			position, found := w.Position("a")
			require.True(t, found)
			require.Equal(t, at, position)
			assert.Less(t, client.records.Load(), int64(terms*(ticks+2)), "from a snapshot on")
		}
		require.NoError(t, w.Know(t.Context(), ledger.Known{Entry: "a", Name: "a", Timetable: "@daily"}))
		for range ticks {
			at = at.Add(time.Minute)
			require.NoError(t, w.Tick(t.Context(), ledger.Tick{
				Entry: "a", Name: "a", ScheduledFor: at, ID: fmt.Sprint(at.Unix()), Key: "report.nightly",
			}))
		}
	}
	count := 0
	unreadable, err := ledger.Read(t.Context(), client, stream, ledger.Filter{Entry: "a"}, func(ledger.Record) error {
		count++
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, len(old)+terms*ticks, count)
	assert.Zero(t, unreadable)
}
