//go:build integration

package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

var (
	_ deadletter.Sifter    = (*broker.Client)(nil)
	_ deadletter.Publisher = (*broker.Client)(nil)
)

// replay replays a queue's dead letters when there is one, and returns the letter's record.
func (f *fixture) replay(queue string, change func(*deadletter.ReplayConfig)) *deadletter.Record {
	f.t.Helper()
	dead := routing.DeadQueue(queue)
	f.eventually(func() bool { return f.depth(dead) == 1 }, "a dead letter")
	var record *deadletter.Record
	cfg := deadletter.ReplayConfig{Sweep: deadletter.Sweep{Queue: dead, Tell: func(o deadletter.Outcome) {
		record = o.Record
		assert.NoError(f.t, o.Err)
	}}, Names: f.client.Names(), User: f.client.User()}
	if change != nil {
		change(&cfg)
	}
	counts, err := deadletter.Replay(f.ctx, f.client, f.client, cfg)
	require.NoError(f.t, err)
	require.Equal(f.t, deadletter.Counts{Seen: 1, Replayed: 1}, counts)
	return record
}

// A replayed task begins anew: from attempt 1, with its retries, and this process, which remembers what
// it decided, runs it. What dies again says how often it was replayed.
func TestReplayedTasks(t *testing.T) {
	t.Parallel()
	for _, kind := range []routing.QueueType{routing.Classic, routing.Quorum} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			runs := make(chan tasks.Task, 10)
			mend := make(chan struct{})
			stop := f.run(worker.Config{Queues: []worker.Queue{{
				Name: "email", Type: kind, Routes: []string{"email.#"},
				Prefetch: worker.DefaultConcurrency, // a new one takes deliveries back, which counts
				Mux: handle("email.#", func(_ context.Context, task *tasks.Task) error {
					runs <- *task
					select {
					case <-mend:
						return nil
					default:
						return errors.New("no such user")
					}
				}),
				Retry: tasks.RetryPolicy{MaxAttempts: 2, Initial: time.Millisecond},
			}}})
			id := f.enqueue(tasks.Task{Key: "email.welcome", Payload: []byte(`{"a":1}`), Priority: 7, Headers: map[string]any{"tenant": "acme"}})
			life := func(last, replays int) {
				t.Helper()
				for attempt := range last {
					task := receive(t, runs, "a run")
					assert.Equal(t, attempt+1, task.Attempt)
					assert.Equal(t, id, task.ID)
					assert.Equal(t, "email.welcome", task.Key)
					assert.Equal(t, 7, task.Priority)
					assert.Equal(t, "acme", task.Headers["tenant"])
					assert.Len(t, task.Errors, attempt)
					assert.Zero(t, task.Redeliveries)
					assert.Equal(t, replays, tasks.Replays(tasks.Message{Headers: task.Headers}))
				}
			}
			for replays := range 3 {
				life(2, replays)
				if replays == 2 {
					close(mend)
				}
				r := f.replay("email", nil)
				assert.Equal(t, replays, r.Replays)
				assert.Equal(t, 2, r.Attempt)
				assert.Len(t, r.Errors, 2)
			}
			life(1, 3)
			f.eventually(func() bool { return f.depth("email") == 0 && f.depth("email.dead") == 0 }, "nothing is left")
			require.NoError(t, stop())
			assert.Zero(t, f.depth("email"))
			assert.Empty(t, runs)
		})
	}
}
