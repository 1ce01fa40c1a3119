package tasks_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

type welcomeEmail struct {
	UserID int    `json:"user_id"`
	Lang   string `json:"lang,omitempty"`
}

var welcome = tasks.Define[welcomeEmail]("email.welcome")

// enqueuerFunc is a function as an Enqueuer.
type enqueuerFunc func(context.Context, tasks.Task) (string, error)

func (f enqueuerFunc) Enqueue(ctx context.Context, t tasks.Task) (string, error) { return f(ctx, t) }

func TestDefinitionEnqueue(t *testing.T) {
	t.Parallel()
	var got tasks.Task
	to := enqueuerFunc(func(ctx context.Context, task tasks.Task) (string, error) {
		assert.Equal(t, t.Context(), ctx)
		got = task
		return "id-1", nil
	})
	id, err := welcome.Enqueue(t.Context(), to, welcomeEmail{UserID: 7})
	require.NoError(t, err)
	assert.Equal(t, "id-1", id)
	assert.Equal(t, tasks.Task{Key: "email.welcome", Payload: []byte(`{"user_id":7}`)}, got)
}

func TestDefinitionEnqueueErrors(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	to := enqueuerFunc(func(context.Context, tasks.Task) (string, error) { return "", refused })
	_, err := welcome.Enqueue(t.Context(), to, welcomeEmail{})
	require.Same(t, refused, err)

	to = func(context.Context, tasks.Task) (string, error) {
		assert.Fail(t, "enqueued")
		return "", nil
	}
	_, err = tasks.Define[float64]("sum").Enqueue(t.Context(), to, math.NaN())
	require.ErrorIs(t, err, tasks.ErrInvalidTask)
	assert.ErrorContains(t, err, "payload: json: unsupported value: NaN")
}

func TestDefinitionHandle(t *testing.T) {
	t.Parallel()
	var got []welcomeEmail
	mux := tasks.NewMux()
	welcome.Handle(mux, func(ctx context.Context, m welcomeEmail) error {
		task, ok := tasks.FromContext(ctx)
		assert.True(t, ok)
		assert.Equal(t, welcome.Key(), task.Key)
		got = append(got, m)
		return nil
	})
	require.NoError(t, mux.Err())
	e := executor(mux)
	for _, payload := range []string{`{"user_id":7}`, ` {"user_id":8,"unknown":[1]} `, `null`} {
		decision := e.Execute(t.Context(), &tasks.Task{Key: "email.welcome", Payload: []byte(payload), Attempt: 1})
		assert.Equal(t, tasks.Decision{Action: tasks.Ack}, decision, payload)
	}
	assert.Equal(t, []welcomeEmail{{UserID: 7}, {UserID: 8}, {}}, got)

	for _, payload := range []string{``, `{`, `{"user_id":"seven"}`, `[]`, `{} {}`, "\xff"} {
		decision := e.Execute(t.Context(), &tasks.Task{Key: "email.welcome", Payload: []byte(payload), Attempt: 1})
		assert.Equal(t, tasks.ReasonMalformed, decision.Reason, payload)
		require.ErrorContains(t, decision.Err, "malformed payload: ", payload)
	}
	assert.Len(t, got, 3)

	tasks.Define[int8]("small").Handle(mux, func(context.Context, int8) error { return nil })
	decision := e.Execute(t.Context(), &tasks.Task{Key: "small", Payload: []byte(`4711`), Attempt: 1})
	assert.EqualError(t, decision.Err, "malformed payload: json: cannot unmarshal number into Go value of type int8", "no part of the payload")
}

func TestDefinitionOfABadKey(t *testing.T) {
	t.Parallel()
	mux := tasks.NewMux()
	tasks.Define[int]("a b").Handle(mux, func(context.Context, int) error { return nil })
	assert.ErrorIs(t, mux.Err(), tasks.ErrInvalidMux)
}
