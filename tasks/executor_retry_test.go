package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// The three verdicts at the attempts where they differ, with the policy's five attempts and with a
// task's own.
func TestExecuteShouldRetry(t *testing.T) {
	t.Parallel()
	retried := func(after time.Duration) tasks.Decision {
		return tasks.Decision{Action: tasks.Retry, After: after, Counts: true}
	}
	dead := func(reason tasks.Reason) tasks.Decision {
		return tasks.Decision{Action: tasks.DeadLetter, Reason: reason, Counts: true}
	}
	tests := map[string]struct {
		verdict tasks.Verdict
		task    tasks.Task
		want    tasks.Decision
	}{
		"default":                     {tasks.RetryDefault, tasks.Task{Attempt: 1}, retried(2 * time.Second)},
		"default at last":             {tasks.RetryDefault, tasks.Task{Attempt: 5}, dead(tasks.ReasonAttemptsExhausted)},
		"yes":                         {tasks.RetryYes, tasks.Task{Attempt: 1}, retried(2 * time.Second)},
		"yes at last":                 {tasks.RetryYes, tasks.Task{Attempt: 5}, retried(32 * time.Second)},
		"yes beyond":                  {tasks.RetryYes, tasks.Task{Attempt: 99}, retried(time.Minute)},
		"yes has a bound":             {tasks.RetryYes, tasks.Task{Attempt: 100}, dead(tasks.ReasonAttemptsExhausted)},
		"yes beyond the bound":        {tasks.RetryYes, tasks.Task{Attempt: 101}, dead(tasks.ReasonAttemptsExhausted)},
		"yes, the task wants fewer":   {tasks.RetryYes, tasks.Task{Attempt: 1, MaxAttempts: 1}, retried(2 * time.Second)},
		"default, the task wants few": {tasks.RetryDefault, tasks.Task{Attempt: 1, MaxAttempts: 1}, dead(tasks.ReasonAttemptsExhausted)},
		"default, the task wants all": {tasks.RetryDefault, tasks.Task{Attempt: 99, MaxAttempts: 100}, retried(time.Minute)},
		"no":                          {tasks.RetryNo, tasks.Task{Attempt: 1}, dead(tasks.ReasonPermanent)},
		"no at last":                  {tasks.RetryNo, tasks.Task{Attempt: 5}, dead(tasks.ReasonPermanent)},
		"no, the task wants more":     {tasks.RetryNo, tasks.Task{Attempt: 1, MaxAttempts: 100}, dead(tasks.ReasonPermanent)},
		"an unknown verdict":          {tasks.Verdict(-7), tasks.Task{Attempt: 5}, dead(tasks.ReasonAttemptsExhausted)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			e := executor(returning(fmt.Errorf("sending: %w", errBoom)))
			e.Retry.ShouldRetry = func(err error, attempt int) tasks.Verdict {
				asked++
				assert.ErrorIs(t, err, errBoom)
				assert.Equal(t, tt.task.Attempt, attempt)
				return tt.verdict
			}
			got := e.Execute(t.Context(), &tt.task)
			require.ErrorIs(t, got.Err, errBoom)
			got.Err = nil
			assert.Equal(t, tt.want, got)
			assert.Equal(t, 1, asked)
		})
	}
}

// What a handler itself has settled is not asked about; RetryAfter settles when, not whether.
func TestExecuteShouldRetryIsAskedAboutFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err   error // nil: the handler panics
		asked bool
	}{
		"error":       {errBoom, true},
		"timeout":     {fmt.Errorf("%w: boom", tasks.ErrTimeout), true},
		"panic":       {nil, true},
		"retry after": {tasks.RetryAfter(time.Hour, errBoom), true},
		"permanent":   {tasks.Permanent(errBoom), false},
		"snooze":      {tasks.Snooze(time.Hour), false},
		"malformed":   {&tasks.MalformedError{Field: "payload", Err: errBoom}, false},
		"no handler":  {tasks.ErrNoHandler, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := false
			e := executor(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
				if tt.err == nil {
					panic("boom")
				}
				return tt.err
			}))
			e.Retry.ShouldRetry = func(error, int) tasks.Verdict { asked = true; return tasks.RetryNo }
			got := e.Execute(t.Context(), &tasks.Task{Attempt: 1})
			assert.Equal(t, tt.asked, asked)
			assert.Equal(t, tt.asked, got.Reason == tasks.ReasonPermanent && name != "permanent")
		})
	}

	e := executor(returning(tasks.RetryAfter(time.Hour, errBoom)))
	e.Retry.ShouldRetry = func(error, int) tasks.Verdict { return tasks.RetryYes }
	got := e.Execute(t.Context(), &tasks.Task{Attempt: 5})
	assert.Equal(t, tasks.Retry, got.Action, "whether is ShouldRetry's")
	assert.Equal(t, time.Hour, got.After, "when is the handler's")
}

func TestExecuteCustomDelay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ custom, want time.Duration }{
		"as it says": {7 * time.Hour, 7 * time.Hour}, // beyond Max
		"negative":   {-1, 0},
		"too long":   {routing.MaxDelay + 1, routing.MaxDelay},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := executor(returning(errBoom))
			e.Retry.Jitter = 1
			e.Retry.Custom = func(err error, attempt int) time.Duration {
				assert.Equal(t, 3, attempt)
				assert.Same(t, errBoom, err)
				return tt.custom
			}
			assert.Equal(t, tt.want, e.Execute(t.Context(), &tasks.Task{Attempt: 3}).After)
		})
	}

	e := executor(returning(tasks.RetryAfter(time.Hour, errBoom)))
	e.Retry.Custom = func(error, int) time.Duration { assert.Fail(t, "asked"); return 0 }
	assert.Equal(t, time.Hour, e.Execute(t.Context(), &tasks.Task{Attempt: 1}).After, "the handler has said it")
	assert.Equal(t, tasks.ReasonAttemptsExhausted, e.Execute(t.Context(), &tasks.Task{Attempt: 5}).Reason, "there is no retry")

	// A task that was made by hand, without an attempt, is at its first.
	e = executor(returning(errBoom))
	e.Retry.Custom = func(_ error, attempt int) time.Duration { return time.Duration(attempt) }
	e.Retry.ShouldRetry = func(_ error, attempt int) tasks.Verdict { assert.Equal(t, 1, attempt); return tasks.RetryDefault }
	assert.EqualValues(t, 1, e.Execute(t.Context(), &tasks.Task{}).After)
}

// A policy's function that panics loses nobody a task: what it would have said is the default.
func TestExecutePolicyPanics(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := executor(returning(errBoom))
	e.Log = slog.New(slog.NewTextHandler(&log, nil))
	e.Retry.Custom = func(error, int) time.Duration { panic("no delay") }
	e.Retry.ShouldRetry = func(error, int) tasks.Verdict { panic(errors.New("no verdict")) }
	want := tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true, Err: errBoom}
	task := &tasks.Task{ID: "id-1", Key: "email", Queue: "mail", Attempt: 1}
	assert.Equal(t, want, e.Execute(t.Context(), task))
	for _, says := range []string{`msg="ShouldRetry panicked`, `panic="no verdict"`, `msg="Custom delay panicked`, `panic="no delay"`,
		"id=id-1", "key=email", "queue=mail", "attempt=1", "executor_retry_test.go"} {
		assert.Contains(t, log.String(), says)
	}
	assert.Equal(t, tasks.ReasonAttemptsExhausted, e.Execute(t.Context(), &tasks.Task{Attempt: 5}).Reason)

	filled := e.WithDefaults()
	assert.Equal(t, want, filled.Decide(task, errBoom), "nor where the worker asks")

	// The handler's own panic is judged in its recovery.
	e.Handler = tasks.HandlerFunc(func(context.Context, *tasks.Task) error { panic("boom") })
	got := e.Execute(t.Context(), task)
	require.ErrorIs(t, got.Err, tasks.ErrPanic)
	assert.Equal(t, 2*time.Second, got.After)
}
