//go:build integration

package worker_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// Where short tasks turn into long ones, what was fetched ahead goes back to the queue, and stays
// there for those who have time for it: it does not come straight back.
func TestWhatIsFetchedAheadOfLongTasksGoesBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const short, long = 2000, 150
	var runs atomic.Int64
	finish := make(chan struct{})
	// The tasks are in the queue before the worker is there.
	stop := f.run(worker.Config{Queues: []worker.Queue{{Name: "turn", Routes: []string{"turn.#"}, Mux: handle("#", nothing)}}})
	assert.NoError(t, stop())
	many := make([]tasks.Task, short+long)
	for i := range many {
		many[i] = tasks.Task{Key: "turn.x"}
	}
	for _, outcome := range f.client.EnqueueMany(f.ctx, many) {
		assert.NoError(t, outcome.Err)
	}
	f.run(worker.Config{Queues: []worker.Queue{{
		Name: "turn", Routes: []string{"turn.#"}, Concurrency: 1,
		Mux: handle("#", func(context.Context, *tasks.Task) error {
			if runs.Add(1) > short {
				<-finish
			}
			return nil
		}),
	}}})
	defer close(finish)
	f.eventually(func() bool { return runs.Load() > short }, "a long task")
	const held = 1 + 1 + 2 // it, one ahead, and what the new consumer was given beside what was held
	f.eventually(func() bool { return f.depth("turn") >= long-held }, "the others go back")
}

func nothing(context.Context, *tasks.Task) error { return nil }
