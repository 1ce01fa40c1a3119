package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestExecuteTimeout(t *testing.T) {
	t.Parallel()
	const own = time.Hour
	late := errors.New("too late")
	overdue := func(err error) error { // pays no heed to the context
		<-time.After(2 * own)
		return err
	}
	tests := map[string]struct {
		handle  func(context.Context) error
		timeout bool
		want    tasks.Decision
		after   time.Duration
	}{
		"honoured": {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, true,
			tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true}, own},
		"honoured, with the cause": {func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, true,
			tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true}, own},
		"honoured, with an outcome": {func(ctx context.Context) error { <-ctx.Done(); return tasks.Permanent(ctx.Err()) }, true,
			tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Counts: true}, own},
		"honoured by a snooze": {func(ctx context.Context) error { <-ctx.Done(); return tasks.Snooze(7) }, false,
			tasks.Decision{Action: tasks.Retry, After: 7}, own},
		"panicked": {func(ctx context.Context) error { <-ctx.Done(); panic("late") }, true,
			tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true}, own},
		"ignored, and failed": {func(context.Context) error { return overdue(late) }, true,
			tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true}, 2 * own},
		"ignored, and done": {func(context.Context) error { return overdue(nil) }, false,
			tasks.Decision{Action: tasks.Ack}, 2 * own},
		"failed in time": {func(context.Context) error { return late }, false,
			tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error { return tt.handle(ctx) }))
				e.Timeout = own
				start := time.Now()
				got := e.Execute(t.Context(), &tasks.Task{Attempt: 1})
				assert.Equal(t, tt.after, time.Since(start), "it blocks until the handler has returned")
				assert.Equal(t, tt.timeout, errors.Is(got.Err, tasks.ErrTimeout), "%v", got.Err)
				if tt.timeout {
					assert.Equal(t, 1, strings.Count(got.Err.Error(), "timed out after 1h0m0s"), "told once: %v", got.Err)
				}
				got.Err = nil
				assert.Equal(t, tt.want, got)
			})
		})
	}
}

func TestExecuteExpired(t *testing.T) {
	t.Parallel()
	for offset, expired := range map[time.Duration]bool{-time.Hour: true, 0: true, 1: false, time.Hour: false} {
		ran := false
		e := executor(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { ran = true; return nil }))
		e.Now = func() time.Time { return now }
		got := e.Execute(t.Context(), &tasks.Task{Attempt: 1, ExpiresAt: now.Add(offset)})
		assert.Equal(t, expired, !ran, "%s", offset)
		if expired {
			require.ErrorIs(t, got.Err, tasks.ErrExpired)
			require.ErrorContains(t, got.Err, now.Add(offset).Format(time.RFC3339Nano))
			got.Err = nil
			assert.Equal(t, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonExpired}, got)
		}
	}
}

// What fails because the worker stops is not the task's failure.
func TestExecuteWhileStopping(t *testing.T) {
	t.Parallel()
	stopping := errors.New("stopping")
	for name, tt := range map[string]struct {
		answer func(context.Context) error
		want   tasks.Action
	}{
		"done in spite of it": {func(context.Context) error { return nil }, tasks.Ack},
		"the context's error": {context.Cause, tasks.Requeue},
		"an error":            {func(context.Context) error { return errBoom }, tasks.Requeue},
		"permanent":           {func(context.Context) error { return tasks.Permanent(errBoom) }, tasks.Requeue},
		"snooze":              {func(context.Context) error { return tasks.Snooze(1) }, tasks.Requeue},
		"panic":               {func(context.Context) error { panic("boom") }, tasks.Requeue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			got := executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
				cancel(stopping)
				<-ctx.Done()
				assert.Equal(t, stopping, context.Cause(ctx), "not a timeout")
				return tt.answer(ctx)
			})).Execute(ctx, &tasks.Task{Attempt: 5})
			assert.Equal(t, tt.want, got.Action)
			require.NotErrorIs(t, got.Err, tasks.ErrTimeout)
			assert.False(t, got.Counts)
		})
	}
}

func TestExecuteAfterStopping(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := executor(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
		assert.Fail(t, "begun")
		return nil
	}))
	for _, task := range []tasks.Task{{Attempt: 1}, {Attempt: 5, ExpiresAt: now}} {
		assert.Equal(t, tasks.Decision{Action: tasks.Requeue, Err: context.Canceled}, e.Execute(ctx, &task))
	}
}

// A revoked task is a dead letter, whether it has begun or not, unless it was done all the same.
func TestExecuteRevoked(t *testing.T) {
	t.Parallel()
	revoked := fmt.Errorf("%w by alice", tasks.ErrRevoked)
	dead := tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonRevoked, Err: revoked}
	for name, c := range map[string]struct {
		before  bool
		handler func(ctx context.Context) error
		want    tasks.Decision
	}{
		"before it began":                {true, nil, dead},
		"running":                        {false, context.Cause, dead},
		"running, told in its own words": {false, func(context.Context) error { return errBoom }, dead},
		"running, wants to be retried":   {false, func(context.Context) error { return tasks.Snooze(1) }, dead},
		"running, panics":                {false, func(context.Context) error { panic("boom") }, dead},
		"running, done all the same":     {false, func(context.Context) error { return nil }, tasks.Decision{Action: tasks.Ack}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if c.before {
				cancel(revoked)
			}
			e := executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
				require.NotNil(t, c.handler, "it must not be run")
				cancel(revoked)
				<-ctx.Done()
				require.ErrorIs(t, context.Cause(ctx), tasks.ErrRevoked)
				return c.handler(ctx)
			}))
			assert.Equal(t, c.want, e.Execute(ctx, &tasks.Task{Key: "email", Attempt: 1}))
		})
	}
}
