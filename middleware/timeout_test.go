package middleware_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/tasks"
)

// Under an executor, whose timeout is a minute.
func TestTimeout(t *testing.T) {
	t.Parallel()
	waits := func(answer func(context.Context) error) tasks.HandlerFunc {
		return func(ctx context.Context, _ *tasks.Task) error { <-ctx.Done(); return answer(ctx) }
	}
	retried := tasks.Decision{Action: tasks.Retry, After: 4 * time.Second, Counts: true} // the second attempt's
	for name, tt := range map[string]struct {
		timeout time.Duration
		handle  tasks.HandlerFunc
		want    tasks.Decision
		after   time.Duration
		says    string // empty: no timeout
	}{
		"its own": {5 * time.Second, waits(func(ctx context.Context) error { return ctx.Err() }), retried, 5 * time.Second,
			"timed out after 5s: context deadline exceeded"},
		"its own, with the cause": {5 * time.Second, waits(context.Cause), retried, 5 * time.Second, "timed out after 5s"},
		"its own, permanent": {5 * time.Second, waits(func(ctx context.Context) error { return tasks.Permanent(ctx.Err()) }),
			tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Counts: true}, 5 * time.Second,
			"timed out after 5s: context deadline exceeded"},
		"its own, snoozed": {5 * time.Second, waits(func(context.Context) error { return tasks.Snooze(7) }),
			tasks.Decision{Action: tasks.Retry, After: 7}, 5 * time.Second, ""},
		"its own, and done": {5 * time.Second, waits(func(context.Context) error { return nil }),
			tasks.Decision{Action: tasks.Ack}, 5 * time.Second, ""},
		"its own, unheeded": {5 * time.Second, func(context.Context, *tasks.Task) error { <-time.After(9 * time.Second); return errBoom },
			retried, 9 * time.Second, "timed out after 5s: boom"},
		"the queue's is shorter": {2 * time.Minute, waits(func(ctx context.Context) error { return ctx.Err() }), retried, time.Minute,
			"timed out after 1m0s: context deadline exceeded"},
		"failed in time": {5 * time.Second, func(context.Context, *tasks.Task) error { return errBoom }, retried, 0, ""},
		"none":           {0, waits(func(ctx context.Context) error { return ctx.Err() }), retried, time.Minute, "timed out after 1m0s: context deadline exceeded"},
		"below none":     {-1, waits(func(ctx context.Context) error { return ctx.Err() }), retried, time.Minute, "timed out after 1m0s: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := deciding(t.Context(), middleware.Timeout(tt.timeout)(tt.handle), task())
				assert.Equal(t, tt.after, time.Since(start))
				assert.Equal(t, tt.want, got)
				assert.Equal(t, tt.says != "", errors.Is(err, tasks.ErrTimeout), "%v", err)
				if tt.says != "" {
					require.EqualError(t, err, tt.says)
				}
			})
		})
	}
}

// What fails because the worker stops has not timed out.
func TestTimeoutWhileStopping(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	h := middleware.Timeout(time.Hour)(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
		stop(errBoom)
		<-ctx.Done()
		return context.Cause(ctx)
	}))
	got, err := deciding(ctx, h, task())
	assert.Equal(t, tasks.Decision{Action: tasks.Requeue}, got)
	require.NotErrorIs(t, err, tasks.ErrTimeout)
}

func TestTimeoutsNest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := tasks.Chain(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error { <-ctx.Done(); return errBoom }),
			middleware.Timeout(3*time.Second), middleware.Timeout(2*time.Second), middleware.Timeout(4*time.Second))
		err := h.HandleTask(t.Context(), task())
		require.ErrorIs(t, err, errBoom)
		assert.Equal(t, 1, strings.Count(err.Error(), "timed out"), "told once: %v", err)
		assert.Contains(t, err.Error(), "after 2s")
	})
}
