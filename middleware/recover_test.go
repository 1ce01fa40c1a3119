package middleware_test

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/tasks"
)

func TestRecover(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"text": "boom", "error": errBoom, "outcome": tasks.Permanent(errBoom), "nil": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			h := middleware.Recover(slog.New(slog.NewTextHandler(&log, nil)))(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
				panic(value)
			}))
			err := h.HandleTask(t.Context(), task())
			require.ErrorIs(t, err, tasks.ErrPanic)
			require.NotErrorIs(t, err, errBoom, "told in the text alone")
			var permanent *tasks.PermanentError
			require.NotErrorAs(t, err, &permanent)
			if value != nil {
				require.ErrorContains(t, err, "boom")
			}
			for _, says := range []string{"level=ERROR", "id=id-1", "key=email.welcome", "queue=mail", "attempt=2", "recover_test.go"} {
				assert.Contains(t, log.String(), says)
			}
			assert.NotContains(t, log.String(), "secret")

			d, err := deciding(t.Context(), h, task())
			require.ErrorIs(t, err, tasks.ErrPanic)
			assert.Equal(t, tasks.Retry, d.Action)
		})
	}
}

func TestRecoverPassesWhatIsNoPanic(t *testing.T) {
	t.Parallel()
	for _, want := range []error{nil, errBoom} {
		assert.Equal(t, want, middleware.Recover(nil)(returning(want)).HandleTask(t.Context(), task()))
	}
	ended, returned := make(chan struct{}), false
	go func() {
		defer close(ended)
		_ = middleware.Recover(nil)(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
			runtime.Goexit()
			return nil
		})).HandleTask(t.Context(), task())
		returned = true
	}()
	<-ended
	assert.False(t, returned)
}
