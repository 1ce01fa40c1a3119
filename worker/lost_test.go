//go:build integration

package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// Deliveries of lost sessions that wait for a slot are forgotten, not hoarded: with each loss there
// would be a prefetch of them more.
func TestLostDeliveriesAreForgotten(t *testing.T) {
	t.Parallel()
	const patience = 60 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	proxy := brokertest.NewProxy(t, brokertest.NewVhost(t).URL)
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{proxy.URL()}, BackoffMax: 100 * time.Millisecond})
	require.NoError(t, err)
	defer client.Close()
	finish := make(chan struct{})
	mux := tasks.NewMux()
	mux.HandleFunc("#", func(context.Context, *tasks.Task) error { <-finish; return nil })
	const count, prefetch = 30, 40
	w, err := New(client, Config{Queues: []Queue{{Name: "slow", Routes: []string{"slow.#"}, Mux: mux, Concurrency: 1, Prefetch: prefetch, Retry: tasks.RetryPolicy{Initial: time.Millisecond}}}})
	require.NoError(t, err)
	result := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() { result <- w.Run(running) }()
	require.Eventually(t, func() bool { return w.Ready() == nil }, patience, time.Millisecond)
	for range count {
		_, err := client.Enqueue(ctx, tasks.Task{Key: "slow.x"})
		require.NoError(t, err)
	}
	held := func() (live, all int) {
		b := w.queues[0].buffer
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, it := range b.groups[0].runnable.items() {
			if !it.delivery.Lost() {
				live++
			}
		}
		return live, b.size()
	}
	atLeast := func(want int) func() bool {
		return func() bool { live, _ := held(); return live >= want }
	}
	require.Eventually(t, atLeast(count-1), patience, time.Millisecond, "one runs, the others wait")
	for range 5 {
		proxy.Cut()
		require.Eventually(t, func() bool { live, _ := held(); return live == 0 }, patience, 100*time.Microsecond)
		require.Eventually(t, atLeast(count-1), patience, time.Millisecond, "all but the one that runs are given again")
		_, all := held()
		assert.LessOrEqual(t, all, 2*prefetch, "they are looked for when twice as many are held as at the last look")
	}
	close(finish)
	stop()
	require.NoError(t, <-result)
}
