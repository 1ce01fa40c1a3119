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

// bench is a client, a plain confirming channel of the library, and the queue that both publish to.
type bench struct {
	*testing.B
	client  *broker.Client
	channel *amqp.Channel
	tasks   []tasks.Task
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
	return &bench{b, client, channel, slices.Repeat([]tasks.Task{{Key: "email.x", Payload: benchPayload}}, 20_000)}
}

func (b *bench) purge() {
	b.Helper()
	_, err := b.channel.QueuePurge("email", false)
	require.NoError(b, err)
}

// publish is how one publishes with the library alone.
func (b *bench) publish() *amqp.DeferredConfirmation {
	confirmation, err := b.channel.PublishWithDeferredConfirm("warren.strict", "email.x", true, false, amqp.Publishing{
		ContentType: "application/json", DeliveryMode: amqp.Persistent, Body: benchPayload,
	})
	require.NoError(b, err)
	return confirmation
}

// loop publishes with the library alone, pipelined.
func (b *bench) loop(count int) {
	window := make([]*amqp.DeferredConfirmation, 0, broker.DefaultWindow)
	for i := range count {
		slot := i % broker.DefaultWindow
		if i < broker.DefaultWindow {
			window = append(window, b.publish())
			continue
		}
		require.True(b, window[slot].Wait())
		window[slot] = b.publish()
	}
	for _, confirmation := range window {
		require.True(b, confirmation.Wait())
	}
}

func (b *bench) many(count int) {
	for _, outcome := range b.client.EnqueueMany(b.Context(), b.tasks[:count]) {
		require.NoError(b, outcome.Err)
	}
}

// BenchmarkEnqueueMany compares EnqueueMany with a pipelined loop of the library alone, in turns:
// an operation is a round of each.
func BenchmarkEnqueueMany(b *testing.B) {
	const round = 5_000
	x := newBench(b)
	ours, theirs := make([]float64, b.N), make([]float64, b.N)
	x.many(round)
	x.loop(round)
	b.ResetTimer()
	for i := range b.N {
		x.purge()
		ours[i] = round / x.timed(func() { x.many(round) })
		x.purge()
		theirs[i] = round / x.timed(func() { x.loop(round) })
	}
	b.ReportMetric(median(ours), "tasks/s")
	b.ReportMetric(median(theirs), "loop/s")
	b.ReportMetric(median(ours)/median(theirs), "ratio")
}

// BenchmarkEnqueueConcurrently has 100 goroutines publish one task after the other.
func BenchmarkEnqueueConcurrently(b *testing.B) {
	x := newBench(b)
	b.SetParallelism(100 / 2)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, err := x.client.Enqueue(b.Context(), tasks.Task{Key: "email.x", Payload: benchPayload})
			require.NoError(b, err)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkEnqueueLatency publishes 200 tasks a second, one with Enqueue and one with the library
// alone in turns.
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
