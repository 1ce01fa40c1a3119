package metrics

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

var at = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

func muxOf(patterns ...string) *tasks.Mux {
	mux := tasks.NewMux()
	for _, pattern := range patterns {
		mux.HandleFunc(pattern, func(context.Context, *tasks.Task) error { return nil })
	}
	return mux
}

// story has a recorder told of a task: its start at a time after at, and its end after that.
func story(to tasks.Recorder, task *tasks.Task, pattern string, start, took time.Duration, d tasks.Decision) {
	e := tasks.EventOf(task, d)
	e.Pattern, e.Started, e.At = pattern, at.Add(start), at.Add(start+took)
	to.Record(tasks.Event{Kind: tasks.EventStarted, Task: task, Pattern: pattern, At: e.Started, Started: e.Started})
	to.Record(tasks.Event{Kind: tasks.EventProgress, Task: task, Pattern: pattern, At: e.At, Percent: 50})
	to.Record(e)
}

func TestTasks(t *testing.T) {
	t.Parallel()
	counted := NewTasks(Queue{"email", muxOf("email.welcome", "email.#")}, Queue{"idle", muxOf()})
	failure := errors.New("refused")
	task := func() *tasks.Task { return &tasks.Task{Queue: "email", EnqueuedAt: at} }

	welcome := func(start, took time.Duration, d tasks.Decision) {
		story(counted, task(), "email.welcome", start, took, d)
	}
	welcome(time.Second, 20*time.Millisecond, tasks.Decision{Action: tasks.Ack})
	welcome(2*time.Second, 2*time.Millisecond, tasks.Decision{Action: tasks.Ack})
	welcome(0, time.Minute, tasks.Decision{Action: tasks.Retry, Err: failure})
	welcome(0, time.Millisecond, tasks.Decision{Action: tasks.Retry})
	welcome(0, 2*time.Hour, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Err: failure})
	// A handler that was cut short, or has not run, does not tell how long it takes.
	welcome(0, time.Second, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonRevoked})
	welcome(0, time.Second, tasks.Decision{Action: tasks.Requeue})
	welcome(0, time.Microsecond, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonUndecryptable})

	retried := task()
	retried.NotBefore = at.Add(time.Hour)
	story(counted, retried, "email.#", time.Hour+3*time.Second, 0, tasks.Decision{Action: tasks.Ack})

	expired := tasks.EventOf(task(), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonExpired})
	expired.Started, expired.At, expired.Pattern = at.Add(20*time.Minute), at.Add(20*time.Minute), "email.#"
	counted.Record(expired)
	malformed := tasks.EventOf(task(), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonMalformed})
	malformed.At = at
	require.NoError(t, counted.Store(t.Context(), malformed))

	// Nothing of a message makes a series.
	story(counted, task(), "made.up", 0, 0, tasks.Decision{Action: tasks.Ack})
	story(counted, &tasks.Task{Queue: "made up"}, "email.#", 0, 0, tasks.Decision{Action: tasks.Ack})

	golden(t, counted, "tasks.txt")
}

func TestTasksCostNoAllocation(t *testing.T) {
	counted := NewTasks(Queue{"email", muxOf("email.#")})
	task := &tasks.Task{Queue: "email", EnqueuedAt: at}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		story(counted, task, "email.#", 0, time.Second, tasks.Decision{Action: tasks.Ack})
	}))
}
