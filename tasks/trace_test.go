package tasks_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

const spanParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// tracing is a middleware that traces each run by what it is given.
func tracing(decided *[]tasks.Decision, more ...bool) tasks.Middleware {
	return func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
			traced := tasks.TraceRun(ctx, tasks.RunTrace{
				TraceParent: spanParent, Decided: func(d tasks.Decision) { *decided = append(*decided, d) },
			})
			if !traced || len(more) > 0 && tasks.TraceRun(ctx, tasks.RunTrace{}) {
				return errors.New("traced once, and only once")
			}
			return next.HandleTask(ctx, t)
		})
	}
}

func TestWhoTracesARunIsToldOfTheDecision(t *testing.T) {
	t.Parallel()
	panics := tasks.HandlerFunc(func(context.Context, *tasks.Task) error { panic("boom") })
	for name, tt := range map[string]struct {
		handler tasks.Handler
		attempt int
		want    tasks.Decision // without Err
	}{
		"done":      {returning(nil), 1, tasks.Decision{Action: tasks.Ack}},
		"retried":   {returning(errBoom), 1, tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true}},
		"exhausted": {returning(errBoom), 5, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonAttemptsExhausted, Counts: true}},
		"snoozed":   {returning(tasks.Snooze(3)), 1, tasks.Decision{Action: tasks.Retry, After: 3}},
		"panicked":  {panics, 1, tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var decided []tasks.Decision
			got := executor(tasks.Chain(tt.handler, tracing(&decided, true))).Execute(t.Context(), &tasks.Task{Attempt: tt.attempt})
			require.Equal(t, []tasks.Decision{got}, decided)
			got.Err = nil
			tt.want.TraceParent = spanParent
			assert.Equal(t, tt.want, got)
		})
	}
}

// The worker decides about such a task by itself.
func TestWhoTracesARunIsToldOfItsGoroutinesEnd(t *testing.T) {
	t.Parallel()
	var decided []tasks.Decision
	h := tasks.Chain(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { runtime.Goexit(); return nil }), tracing(&decided))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		executor(h).Execute(t.Context(), &tasks.Task{Attempt: 1})
	}()
	<-ended
	assert.Equal(t, []tasks.Decision{{TraceParent: spanParent}}, decided)
}

func TestTraceRunOutsideOfAnExecutor(t *testing.T) {
	t.Parallel()
	trace := tasks.RunTrace{Decided: func(tasks.Decision) { assert.Fail(t, "nobody decides") }}
	assert.False(t, tasks.TraceRun(t.Context(), trace))
	assert.False(t, tasks.TraceRun(tasks.ContextWithTask(t.Context(), &tasks.Task{}), trace))
	var kept context.Context
	executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error { kept = ctx; return nil })).Execute(t.Context(), &tasks.Task{})
	assert.False(t, tasks.TraceRun(kept, trace), "it is over")
}

func TestTracedTellsOfTheRunBefore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ before, decided, want any }{
		"the first":                {nil, spanParent, spanParent},
		"a later one":              {"00-1-2-01", spanParent, spanParent},
		"one that nobody traced":   {"00-1-2-01", "", "00-1-2-01"},
		"none that anybody traced": {nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := tasks.Message{Headers: map[string]any{"a": 1}}
			if tt.before != nil {
				m.Headers["warren-previous-attempt"] = tt.before
			}
			got := tasks.Traced(m, tasks.Decision{TraceParent: tt.decided.(string)})
			assert.Equal(t, tt.want, got.Headers["warren-previous-attempt"])
			assert.Equal(t, 1, got.Headers["a"])
			assert.Equal(t, tt.before, m.Headers["warren-previous-attempt"], "the message's own table")
		})
	}
}
