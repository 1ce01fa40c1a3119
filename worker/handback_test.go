//go:build integration

package worker_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// A worker that is stopped gives back what it runs and what it holds. However often that happens,
// it is no crash: the tasks are not dead letters, and run where they are let.
func TestStopsAreNoCrashes(t *testing.T) {
	t.Parallel()
	for _, kind := range []routing.QueueType{routing.Classic, routing.Quorum} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			const stops = 25 // more than make a crash loop
			began, done, patient := make(chan string, 10*stops), make(chan string, 10), make(chan struct{})
			cfg := worker.Config{Grace: -1, Queues: []worker.Queue{{
				Name: "stops", Routes: []string{"stops.#"}, Type: kind, Concurrency: 1, Retry: soon,
				Mux: handle("#", func(ctx context.Context, task *tasks.Task) error {
					began <- task.ID
					select {
					case <-patient:
						done <- task.ID
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}),
			}}}
			stop := f.run(cfg)
			for _, id := range []string{"a", "b"} {
				f.enqueue(tasks.Task{Key: "stops.x", ID: id})
			}
			for range stops {
				receive(t, began, "one of the two")
				f.eventually(func() bool { return f.depth("stops") == 0 }, "the other is held")
				require.NoError(t, stop())
				stop = f.run(cfg)
			}
			close(patient)
			assert.ElementsMatch(t, []string{"a", "b"}, []string{receive(t, done, "one"), receive(t, done, "the other")})
			require.NoError(t, stop())
			assert.Zero(t, f.depth("stops"))
			assert.Zero(t, f.depth("stops.dead"))
		})
	}
}
