//go:build integration

package broker_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// benchPayload is 256 bytes of JSON.
var benchPayload = []byte(`{"user":7,"text":"` + strings.Repeat("x", 256-20) + `"}`)

// bench is a client and a plain confirming channel of the library, which publish to the same queue.
type bench struct {
	*testing.B
	client  *broker.Client
	channel *amqp.Channel
}

func newBench(b *testing.B) *bench {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	vhost := brokertest.NewVhost(b)
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{vhost.URL}, Log: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	b.Cleanup(client.Close)
	pattern, err := routing.ParsePattern("email.#")
	require.NoError(b, err)
	require.NoError(b, client.Declare(ctx, routing.Spec{Queues: []routing.QueueSpec{{Name: "email", Routes: []routing.Pattern{pattern}}}}))
	conn, err := amqp.Dial(vhost.URL)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close() })
	channel, err := conn.Channel()
	require.NoError(b, err)
	require.NoError(b, channel.Confirm(false))
	returns := channel.NotifyReturn(make(chan amqp.Return, 1))
	var all sync.WaitGroup
	all.Go(func() {
		for range returns {
			b.Error("returned")
		}
	})
	b.Cleanup(all.Wait)
	b.Cleanup(func() { conn.Close() }) // before the wait
	return &bench{b, client, channel}
}

// publish is how one publishes with the library alone.
func (b *bench) publish() *amqp.DeferredConfirmation {
	confirmation, err := b.channel.PublishWithDeferredConfirm("warren.strict", "email.x", true, false, amqp.Publishing{
		ContentType: "application/json", DeliveryMode: amqp.Persistent, Body: benchPayload,
	})
	require.NoError(b, err)
	return confirmation
}

// BenchmarkEnqueueLatency publishes 200 tasks a second, one with Enqueue and one with the library
// alone in turns: the publisher's part of the latency that bench/ measures as a whole, as it does
// throughput.
func BenchmarkEnqueueLatency(b *testing.B) {
	x := newBench(b)
	ours, theirs := make([]float64, b.N), make([]float64, b.N)
	ticker := time.NewTicker(time.Second / 400)
	defer ticker.Stop()
	b.ResetTimer()
	for i := range b.N {
		<-ticker.C
		ours[i] = x.timed(func() {
			_, err := x.client.Enqueue(b.Context(), tasks.Task{Key: "email.x", Payload: benchPayload})
			require.NoError(b, err)
		})
		<-ticker.C
		theirs[i] = x.timed(func() { require.True(b, x.publish().Wait()) })
	}
	b.ReportMetric(1e6*median(ours), "p50-µs")
	b.ReportMetric(1e6*median(theirs), "loop-p50-µs")
	b.ReportMetric(median(ours)/median(theirs), "ratio")
}

// timed returns how many seconds a function takes.
func (b *bench) timed(f func()) float64 {
	began := time.Now()
	f()
	return time.Since(began).Seconds()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
