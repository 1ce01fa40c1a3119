package middleware_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/tasks"
)

func TestAuthorise(t *testing.T) {
	t.Parallel()
	errNo := errors.New("not on the list")
	for name, c := range map[string]struct {
		says error
		want tasks.Decision
		runs bool
	}{
		"may":                    {nil, tasks.Decision{Action: tasks.Ack}, true},
		"may not":                {errNo, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonUnauthorised}, false},
		"permanent is no other":  {tasks.Permanent(errNo), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonUnauthorised}, false},
		"the directory is away":  {tasks.RetryAfter(time.Second, errNo), tasks.Decision{Action: tasks.Retry, After: time.Second, Counts: true}, false},
		"and counts no attempts": {tasks.Snooze(time.Second), tasks.Decision{Action: tasks.Retry, After: time.Second, NotBegun: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ran := false
			task := &tasks.Task{ID: "1", Key: "a", By: tasks.Identity{Name: "mallory"}}
			e := tasks.Executor{Handler: tasks.Chain(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
				ran = true
				return nil
			}), middleware.Authorise(func(_ context.Context, asked *tasks.Task) error {
				assert.Same(t, task, asked)
				return c.says
			}))}
			d := e.Execute(t.Context(), task)
			assert.Equal(t, c.runs, ran)
			if c.want.Reason != "" {
				require.ErrorIs(t, d.Err, errNo)
				require.EqualError(t, d.Err, "unauthorised: enqueued by mallory: not on the list")
			}
			d.Err = nil
			assert.Equal(t, c.want, d)
		})
	}
}
