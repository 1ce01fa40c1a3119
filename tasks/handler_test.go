package tasks_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestChain(t *testing.T) {
	t.Parallel()
	var calls []string
	named := func(name string) tasks.Middleware {
		return func(next tasks.Handler) tasks.Handler {
			return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
				calls = append(calls, name+" in")
				err := next.HandleTask(ctx, t)
				calls = append(calls, name+" out")
				return err
			})
		}
	}
	h := tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
		calls = append(calls, "handler")
		return nil
	})
	require.NoError(t, tasks.Chain(h, named("outer"), named("inner")).HandleTask(t.Context(), nil))
	assert.Equal(t, []string{"outer in", "inner in", "handler", "inner out", "outer out"}, calls)

	calls = nil
	require.NoError(t, tasks.Chain(h).HandleTask(t.Context(), nil))
	assert.Equal(t, []string{"handler"}, calls)
}
