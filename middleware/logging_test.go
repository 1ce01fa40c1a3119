package middleware_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/tasks"
)

// logged runs a handler that takes 3 s, and returns the lines that are logged about it.
func logged(t *testing.T, level slog.Level, h tasks.HandlerFunc) (lines []string) {
	t.Helper()
	var log bytes.Buffer
	clock := clockwork.NewFakeClock()
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	wrapped := middleware.Logging(logger, middleware.Clock(clock))(tasks.HandlerFunc(func(ctx context.Context, task *tasks.Task) error {
		clock.Advance(3 * time.Second)
		return h(ctx, task)
	}))
	defer func() {
		_ = recover() // the panic goes on
		lines = strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	}()
	_ = wrapped.HandleTask(t.Context(), task())
	return nil
}

func TestLogging(t *testing.T) {
	t.Parallel()
	const who = "id=id-1 key=email.welcome queue=mail attempt=2"
	for name, tt := range map[string]struct {
		handle tasks.HandlerFunc
		want   string
	}{
		"done":         {returning(nil).HandleTask, "level=INFO %s outcome=done took=3s"},
		"snoozed":      {returning(tasks.Snooze(1)).HandleTask, "level=INFO %s outcome=snoozed took=3s"},
		"failed":       {returning(errBoom).HandleTask, "level=WARN %s outcome=failed took=3s error=boom"},
		"retry after":  {returning(tasks.RetryAfter(1, errBoom)).HandleTask, "level=WARN %s outcome=failed took=3s error=boom"},
		"permanent":    {returning(tasks.Permanent(errBoom)).HandleTask, "level=WARN %s outcome=permanent took=3s error=boom"},
		"malformed":    {returning(&tasks.MalformedError{Field: "payload", Err: errBoom}).HandleTask, `level=WARN %s outcome=malformed took=3s error="malformed payload: boom"`},
		"no handler":   {tasks.NewMux().HandleTask, `level=WARN %s outcome=no-handler took=3s error="no handler for key \"email.welcome\""`},
		"timed out":    {returning(fmt.Errorf("%w: boom", tasks.ErrTimeout)).HandleTask, `level=WARN %s outcome=timed-out took=3s error="timed out: boom"`},
		"panicked":     {func(context.Context, *tasks.Task) error { panic("secret") }, "level=WARN %s outcome=panicked took=3s"},
		"recovered of": {returning(fmt.Errorf("%w: boom", tasks.ErrPanic)).HandleTask, `level=WARN %s outcome=panicked took=3s error="handler panicked: boom"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := strings.Replace(fmt.Sprintf(tt.want, who), " id=", ` msg="handler ended" id=`, 1)
			assert.Equal(t, []string{`level=DEBUG msg="handler started" ` + who, want}, logged(t, slog.LevelDebug, tt.handle))
			assert.Equal(t, []string{want}, logged(t, slog.LevelInfo, tt.handle))
		})
	}
}

// Under the executor the queue's timeout is known by the context alone.
func TestLoggingUnderATimeout(t *testing.T) {
	t.Parallel()
	lines := logged(t, slog.LevelInfo, func(ctx context.Context, task *tasks.Task) error {
		var log bytes.Buffer
		inner := middleware.Logging(slog.New(slog.NewTextHandler(&log, nil)))(returning(errBoom))
		ctx, cancel := context.WithDeadlineCause(ctx, time.Unix(0, 0), tasks.ErrTimeout)
		defer cancel()
		assert.Same(t, errBoom, inner.HandleTask(ctx, task))
		assert.Contains(t, log.String(), "outcome=timed-out")
		return nil
	})
	assert.Contains(t, lines[0], "outcome=done")
}

func TestLoggingPassesOn(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	for _, want := range []error{nil, errBoom} {
		assert.Equal(t, want, middleware.Logging(quiet)(returning(want)).HandleTask(t.Context(), task()))
	}
	require.PanicsWithValue(t, "boom", func() {
		_ = middleware.Logging(quiet)(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { panic("boom") })).HandleTask(t.Context(), task())
	})
	assert.NotNil(t, middleware.Logging(nil)(returning(nil)))
}
