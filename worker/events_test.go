//go:build integration

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// listener keeps events. What is stored waits for release.
type listener struct {
	release chan struct{}

	mu     sync.Mutex
	told   []string
	stored []string
}

func (l *listener) Record(e tasks.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, waited := e.Wait()
	l.told = append(l.told, fmt.Sprintf("%s %s #%d %s %s %q %t", e.Task.ID, e.Kind, e.Task.Attempt, e.Worker, e.Reason, e.ErrorText(), waited))
}

func (l *listener) Store(ctx context.Context, e tasks.Event) error {
	select {
	case <-l.release:
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored = append(l.stored, fmt.Sprintf("%s %s", e.Task.ID, e.Kind))
	return nil
}

func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.told...)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := setup(t)
	l := &listener{release: make(chan struct{})}
	close(l.release)
	mux := tasks.NewMux()
	mux.HandleFunc("email.good", func(context.Context, *tasks.Task) error { return nil })
	mux.HandleFunc("email.long", func(ctx context.Context, _ *tasks.Task) error { tasks.Progress(ctx, 40, "rows"); return nil })
	mux.HandleFunc("email.again", func(_ context.Context, task *tasks.Task) error {
		switch {
		case task.Attempt == 1:
			return errors.New("refused")
		case task.Settlement == 1:
			return tasks.Snooze(time.Millisecond)
		}
		return nil
	})
	mux.HandleFunc("email.bad", func(context.Context, *tasks.Task) error { return tasks.Permanent(errors.New("no user")) })
	f.run(worker.Config{Queues: []worker.Queue{{Name: "email", Routes: []string{"email.#"}, Mux: mux, Retry: soon, Concurrency: 1}}, Events: l})
	heard := func(want ...string) {
		t.Helper()
		f.eventually(func() bool { return len(l.heard()) >= len(want) }, "the events")
		assert.Equal(t, want, l.heard())
		l.mu.Lock()
		defer l.mu.Unlock()
		l.told = nil
	}
	f.enqueue(tasks.Task{ID: "1", Key: "email.good"})
	heard(`1 started #1 tester  "" true`, `1 succeeded #1 tester  "" true`)
	f.enqueue(tasks.Task{ID: "2", Key: "email.again"})
	heard(`2 started #1 tester  "" true`, `2 retried #1 tester  "refused" true`,
		`2 started #2 tester  "" true`, `2 snoozed #2 tester  "" true`,
		`2 started #2 tester  "" true`, `2 succeeded #2 tester  "" true`)
	f.enqueue(tasks.Task{ID: "3", Key: "email.bad"})
	heard(`3 started #1 tester  "" true`, `3 dead #1 tester permanent "no user" true`)
	f.enqueue(tasks.Task{ID: "3a", Key: "email.long"})
	heard(`3a started #1 tester  "" true`, `3a progress #1 tester  "" false`, `3a succeeded #1 tester  "" true`)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.enqueue(tasks.Task{ID: "4", Key: "email.good", ExpiresAt: at})
	heard(`4 dead #1 tester expired "expired at 2026-01-01T00:00:00Z" true`)
	f.publish("warren.tasks", "email.good", amqp.Publishing{MessageId: "5", Headers: amqp.Table{tasks.HeaderAttempt: "one"}})
	heard(`5 dead #1 tester malformed "malformed header warren-attempt: not a number: \"one\"" false`)

	deep := amqp.Table{}
	for range 40 { // more than the client library reads
		deep = amqp.Table{"t": deep}
	}
	// It ends the session, maybe before 5 is acknowledged: that one is not dead a second time.
	f.publish("warren.tasks", "email.good", amqp.Publishing{MessageId: "6", Headers: deep})
	heard(`6 dead #1 tester rejected "unreadable headers: they are nested deeper than 32" false`)
}

// The end of a batch's task is stored before its delivery is acknowledged, and in time.
func TestEventsOfBatches(t *testing.T) {
	t.Parallel()
	f := setup(t)
	l := &listener{release: make(chan struct{})}
	ran := make(chan struct{}, 10)
	stop := f.run(worker.Config{Queues: []worker.Queue{{
		Name: "import", Routes: []string{"import.#"}, Concurrency: 1,
		Mux: handle("#", func(context.Context, *tasks.Task) error { ran <- struct{}{}; return nil }),
	}}, Events: l})
	for _, id := range []string{"1", "2"} {
		f.enqueue(tasks.Task{ID: id, Key: "import.rows", BatchID: "b", BatchIndex: 1, BatchTotal: 2})
		receive(t, ran, "a task, in the slot of the one whose end is not stored yet")
	}
	close(l.release)
	require.NoError(t, stop())
	assert.ElementsMatch(t, []string{"1 succeeded", "2 succeeded"}, l.stored)
	assert.Zero(t, f.depth("import"), "both are acknowledged")
}

// What a worker's tasks did is in the stream, to be read by anybody.
func TestHistory(t *testing.T) {
	t.Parallel()
	f := setup(t)
	stream := f.client.Names().History()
	pattern, err := routing.ParsePattern("email.#")
	require.NoError(t, err)
	recorder, err := history.New(f.client, history.Config{Stream: stream, Log: testLog(t)})
	require.NoError(t, err)
	const count = 300
	var done sync.WaitGroup
	done.Add(count)
	stop := f.run(worker.Config{
		Queues: []worker.Queue{{
			Name: "email", Routes: []string{"email.#"},
			Mux: handle("#", func(context.Context, *tasks.Task) error { done.Done(); return nil }),
		}},
		Topology: &routing.Spec{
			Queues:  []routing.QueueSpec{{Name: "email", Routes: []routing.Pattern{pattern}}},
			Streams: []routing.StreamSpec{{Name: stream, MaxAge: time.Hour}},
		},
		Events: recorder,
	})
	many := make([]tasks.Task, count)
	for i := range many {
		many[i].Key = "email.welcome"
	}
	for _, outcome := range f.client.EnqueueMany(f.ctx, many) {
		require.NoError(t, outcome.Err)
	}
	done.Wait()
	require.NoError(t, stop())
	require.NoError(t, recorder.Close(f.ctx))
	ids := map[string]bool{}
	require.NoError(t, history.Read(f.ctx, f.client, stream, history.Filter{Queue: "email", Since: time.Now().Add(-time.Hour)}, func(e history.Event) error {
		assert.Equal(t, history.Succeeded, e.Event)
		assert.Equal(t, f.client.User(), e.By)
		ids[e.ID] = true
		return nil
	}))
	assert.Len(t, ids, count)
}
