//go:build integration

package worker_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// BenchmarkDelays tells how late delayed tasks start: 500 delays of 0 to 5 s, published at 100/s.
// One iteration is the whole.
func BenchmarkDelays(b *testing.B) {
	f := setup(b)
	starts := f.starts()
	const count, spacing = 500, 10 * time.Millisecond
	var late []time.Duration
	for b.Loop() {
		due := map[string]time.Time{}
		tick := time.NewTicker(spacing)
		for range count {
			<-tick.C
			at := time.Now().Add(rand.N(5 * time.Second))
			due[f.enqueue(tasks.Task{Key: "later.x", NotBefore: at})] = at
		}
		tick.Stop()
		for range count {
			s := receive(b, starts, "a delayed task")
			late = append(late, s.at.Sub(due[s.task.ID]))
		}
	}
	slices.Sort(late)
	require.GreaterOrEqual(b, late[0], time.Duration(0), "never early")
	millis := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(millis(late[len(late)/2]), "p50-ms")
	b.ReportMetric(millis(late[len(late)*99/100]), "p99-ms")
	b.ReportMetric(millis(late[len(late)-1]), "max-ms")
}

// BenchmarkDrain tells how fast a worker of concurrency 10 runs tasks that do nothing, 256 bytes
// each. One iteration is one task.
func BenchmarkDrain(b *testing.B) {
	f := setup(b)
	done := make(chan struct{}, 1000)
	payload := make([]byte, 256)
	f.run(worker.Config{Queues: []worker.Queue{{
		Name: "bench", Routes: []string{"bench.#"}, Prefetch: 200,
		Mux: handle("#", func(context.Context, *tasks.Task) error { done <- struct{}{}; return nil }),
	}}})
	const publishers = 100
	jobs := make(chan struct{})
	for range publishers {
		go func() {
			for range jobs {
				if _, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "bench.x", Payload: payload}); err != nil {
					b.Error(err)
				}
			}
		}()
	}
	defer close(jobs)
	b.ResetTimer()
	go func() {
		for range b.N {
			jobs <- struct{}{}
		}
	}()
	for range b.N {
		receive(b, done, "a task")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}
