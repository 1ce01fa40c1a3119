//go:build integration

package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/streams"
)

// scribe writes down what a follower is told.
type scribe chan string

func (s scribe) Begin(offset uint64)      { s <- fmt.Sprint("begin ", offset) }
func (s scribe) Deliver(r streams.Record) { s <- string(r.Body) }
func (s scribe) CaughtUp()                { s <- "caught up" }
func (s scribe) Lost(error)               { s <- "lost" }

// A follower hears each session from the stream's first record on.
func TestFollow(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare()
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()}; c.BackoffMin = time.Millisecond })
	told := make(scribe, 100)
	hear := func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			require.Equal(t, line, receive(t, told, line))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- client.Follow(ctx, control, told) }()
	hear("begin 0", "caught up")
	require.NoError(t, f.client.Append(f.ctx, control, entries(0, 3)...))
	hear("0", "1", "2")
	proxy.Cut()
	hear("lost")
	for line := receive(t, told, "the next session"); line != "begin 0"; line = receive(t, told, "the next session") {
		require.Equal(t, "lost", line, "one that could not begin")
	}
	hear("0", "1", "2", "caught up")
	cancel()
	require.ErrorIs(t, receive(t, ended, "the end"), context.Canceled)
	hear("lost")
	require.Empty(t, told)
}

// Where the oldest segments are gone the follower is told where the stream begins now. RabbitMQ looks for
// segments to remove when one is full.
func TestFollowFromATrimmedStream(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const stream = "warren.lease"
	f.declareQueue(stream, amqp.Table{
		"x-queue-type": "stream", "x-max-length-bytes": int64(1 << 20), "x-stream-max-segment-size-bytes": int64(256 << 10),
	})
	body := make([]byte, 250)
	for range 30 {
		batch := make([][]byte, 300)
		for i := range batch {
			batch[i] = body
		}
		require.NoError(t, f.client.Append(f.ctx, stream, batch...))
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := counter{cancel: cancel}
	began := time.Now()
	require.ErrorIs(t, f.client.Follow(ctx, stream, &c), context.Canceled)
	t.Logf("begins at %d, %d records read in %s", c.began, c.records, time.Since(began))
	assert.Positive(t, c.began)
	assert.Greater(t, c.records, 1000, "what is left")
	assert.Less(t, c.records, 6000)
}

// counter follows until it has caught up.
type counter struct {
	cancel  context.CancelFunc
	began   uint64
	records int
}

func (c *counter) Begin(offset uint64)    { c.began = offset }
func (c *counter) Deliver(streams.Record) { c.records++ }
func (c *counter) CaughtUp()              { c.cancel() }
func (c *counter) Lost(error)             {}
