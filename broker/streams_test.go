//go:build integration

package broker_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/streams"
)

const control = "warren.control"

// entries returns records with the numbers from..to-1 as their bodies.
func entries(from, to int) [][]byte {
	records := make([][]byte, 0, to-from)
	for i := from; i < to; i++ {
		records = append(records, []byte(strconv.Itoa(i)))
	}
	return records
}

// read returns the records of the control stream as they were read up to now.
func (f *fixture) read(from streams.Offset) []streams.Record {
	f.t.Helper()
	var records []streams.Record
	require.NoError(f.t, f.client.ReadStream(f.ctx, control, from, func(r streams.Record) error {
		records = append(records, r)
		return nil
	}))
	return records
}

func bodies(records []streams.Record) [][]byte {
	all := make([][]byte, 0, len(records))
	for _, r := range records {
		all = append(all, r.Body)
	}
	return all
}

func TestReadStream(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare()
	require.Empty(t, f.read(streams.First()), "a stream that nothing was appended to")

	began := time.Now().Truncate(time.Second)
	require.NoError(t, f.client.Append(f.ctx, control))
	require.NoError(t, f.client.Append(f.ctx, control, []byte("0")))
	require.NoError(t, f.client.Append(f.ctx, control, entries(1, 3000)...))
	all := f.read(streams.First())
	require.Equal(t, entries(0, 3000), bodies(all), "in order, each once, without the markers")
	for i, r := range all {
		require.Equal(t, all[0].Offset+uint64(i), r.Offset)
		require.Equal(t, "guest", r.User)
		require.False(t, r.Time.Before(began), "%s", r.Time)
		require.Empty(t, r.Headers)
	}

	third := all[2998].Offset
	assert.Equal(t, entries(2998, 3000), bodies(f.read(streams.At(third))), "nothing before, though a chunk begins before")
	assert.Equal(t, entries(0, 3000), bodies(f.read(streams.At(0))), "from what there is")
	assert.Empty(t, f.read(streams.Next()))
	assert.Len(t, f.read(streams.Since(began.Add(-time.Hour))), 3000)
	assert.Empty(t, f.read(streams.Since(time.Now().Add(time.Hour))))

	stop := errors.New("stop")
	seen := 0
	err := f.client.ReadStream(f.ctx, control, streams.First(), func(streams.Record) error { seen++; return stop })
	assert.Equal(t, stop, err)
	assert.Equal(t, 1, seen)
}

func TestReadStreamThatIsNotThere(t *testing.T) {
	t.Parallel()
	f := setup(t)
	err := f.client.ReadStream(f.ctx, control, streams.First(), func(streams.Record) error { return nil })
	require.ErrorIs(t, err, broker.ErrNoQueue)
	require.ErrorIs(t, f.client.Append(f.ctx, control, []byte("x")), broker.ErrUnroutable)
	require.ErrorIs(t, f.client.Append(f.ctx, control, entries(0, 2)...), broker.ErrUnroutable)

	f.declare()
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	proxy.Refuse(true)
	ctx, cancel := context.WithTimeout(f.ctx, 100*time.Millisecond)
	defer cancel()
	err = client.ReadStream(ctx, control, streams.First(), func(streams.Record) error { return nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, broker.ErrNotConnected, "it says what stood in the way")
}

func TestReadStreamWithoutPermissions(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare()
	require.NoError(t, f.client.Append(f.ctx, control, entries(0, 20)...))
	as := func(write, read string) *broker.Client {
		user := brokertest.NewUser(t, f.vhost, brokertest.Permissions{Configure: ".*", Write: write, Read: read})
		return f.connect(func(c *broker.Config) { c.URLs = []string{user} })
	}
	t.Run("to append", func(t *testing.T) {
		read := 0
		err := as("^$", ".*").ReadStream(f.ctx, control, streams.First(), func(streams.Record) error { read++; return nil })
		require.ErrorIs(t, err, broker.ErrEndUnknown)
		require.ErrorIs(t, err, broker.ErrRefused)
		require.Equal(t, 20, read, "what there is it gets all the same")
	})
	t.Run("to read", func(t *testing.T) {
		err := as(".*", "^$").ReadStream(f.ctx, control, streams.First(), func(streams.Record) error { return nil })
		require.ErrorIs(t, err, broker.ErrRefused)
		require.NotErrorIs(t, err, broker.ErrEndUnknown)
	})
}

func TestStreamReaderFollowsThroughLosses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare()
	require.NoError(t, f.client.Append(f.ctx, control, entries(0, 100)...))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()}; c.BackoffMin = time.Millisecond })
	records := make(chan streams.Record, 1000)
	reader, err := client.NewStreamReader(broker.StreamConfig{
		Stream: control, Prefetch: 7, Deliver: func(r streams.Record) { records <- r },
	})
	require.NoError(t, err)
	defer reader.Close()
	receive(t, reader.CaughtUp(), "the end of what was there")
	require.NoError(t, reader.Ready())
	require.NoError(t, reader.Unmarkable())
	require.Len(t, records, 100)

	for round := 1; round <= 3; round++ {
		proxy.Cut()
		require.NoError(t, f.client.Append(f.ctx, control, entries(100*round, 100*round+100)...))
		require.Eventually(t, func() bool { return len(records) == 100*round+100 }, patience, time.Millisecond)
	}
	reader.Close()
	close(records)
	want := 0
	for r := range records {
		require.Equal(t, strconv.Itoa(want), string(r.Body), "in order, each once")
		want++
	}
	require.Equal(t, 400, want)
	require.ErrorIs(t, reader.Ready(), broker.ErrNotConnected)
}

// A reader that is there before its stream begins when that is declared, and begins anew where it is deleted.
func TestStreamReaderWaitsForItsStream(t *testing.T) {
	t.Parallel()
	f := setup(t)
	records := make(chan streams.Record, 10)
	reader, err := f.client.NewStreamReader(broker.StreamConfig{Stream: control, Deliver: func(r streams.Record) { records <- r }})
	require.NoError(t, err)
	defer reader.Close()
	require.Eventually(t, func() bool { return errors.Is(reader.Ready(), broker.ErrNoQueue) }, patience, time.Millisecond)
	f.declare()
	require.NoError(t, f.client.Append(f.ctx, control, []byte("x"), []byte("y")))
	assert.Equal(t, "x", string(receive(t, records, "the record").Body))
	assert.Equal(t, "y", string(receive(t, records, "the record").Body))
	receive(t, reader.CaughtUp(), "the marker")

	require.NoError(t, f.client.Delete(f.ctx, routing.Spec{}))
	require.Eventually(t, func() bool { return errors.Is(reader.Ready(), broker.ErrNoQueue) }, patience, time.Millisecond)
	f.declare()
	require.NoError(t, f.client.Append(f.ctx, control, []byte("z")))
	assert.Equal(t, "z", string(receive(t, records, "the record").Body), "of another stream under the same name, from its beginning")
}

func TestStreamReaderConfig(t *testing.T) {
	t.Parallel()
	f := setup(t)
	deliver := func(streams.Record) {}
	for _, cfg := range []broker.StreamConfig{
		{Deliver: deliver}, {Stream: control}, {Stream: control, Deliver: deliver, Prefetch: -1},
		{Stream: control, Deliver: deliver, Prefetch: 65536},
	} {
		_, err := f.client.NewStreamReader(cfg)
		require.ErrorIs(t, err, broker.ErrInvalidConfig, "%+v", cfg)
	}
}

func TestDeclareAdoptsAStreamsRetention(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declareQueue(control, amqp.Table{"x-queue-type": "stream", "x-max-age": "1h", "x-max-length-bytes": int64(1 << 20)})
	f.declareQueue("warren.history", amqp.Table{"x-queue-type": "stream"})
	f.declareQueue("warren.lease", amqp.Table{"x-queue-type": "stream", "x-max-age": "1h", "x-stream-max-segment-size-bytes": int64(1000)})
	spec := routing.Spec{Streams: []routing.StreamSpec{
		{Name: "warren.history", MaxAge: time.Hour, MaxBytes: 1 << 30}, {Name: "warren.lease"},
	}}
	require.NoError(t, f.client.Declare(f.ctx, spec))

	f.declareQueue("warren.schedule", nil)
	err := f.client.Declare(f.ctx, routing.Spec{Streams: []routing.StreamSpec{{Name: "warren.schedule"}}})
	require.ErrorIs(t, err, broker.ErrDrift, "a queue of another kind")
}
