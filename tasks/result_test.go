package tasks_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func result(text string) tasks.Result {
	return tasks.Result{ContentType: "text/plain", Body: []byte(text)}
}

func TestResultIsTheLastOneOfASuccess(t *testing.T) {
	t.Parallel()
	var kept context.Context
	e := executor(tasks.HandlerFunc(func(ctx context.Context, task *tasks.Task) error {
		kept = ctx
		tasks.SetResult(ctx, result("first"))
		tasks.SetResult(ctx, result("last"))
		if task.Key == "fails" {
			return errBoom
		}
		return nil
	}))
	d := e.Execute(t.Context(), &tasks.Task{Key: "works"})
	require.Equal(t, tasks.Ack, d.Action)
	want := result("last")
	assert.Equal(t, &want, d.Result)
	tasks.SetResult(kept, result("late"))
	assert.Equal(t, &want, d.Result)
	seen, ok := tasks.ResultFrom(kept)
	assert.True(t, ok)
	assert.Equal(t, want, seen)

	assert.Nil(t, e.Execute(t.Context(), &tasks.Task{Key: "fails"}).Result)
}

func TestResultOutsideOfAHandler(t *testing.T) {
	t.Parallel()
	tasks.SetResult(t.Context(), result("nobody's"))
	_, ok := tasks.ResultFrom(t.Context())
	assert.False(t, ok)

	ctx := tasks.ContextWithTask(t.Context(), &tasks.Task{ID: "tried"})
	_, ok = tasks.ResultFrom(ctx)
	assert.False(t, ok)
	tasks.SetResult(ctx, result("tried"))
	got, ok := tasks.ResultFrom(ctx)
	assert.True(t, ok)
	assert.Equal(t, result("tried"), got)
}

// A middleware may replace the task, and the result once the handler has returned.
func TestMiddlewareReplacesTaskAndResult(t *testing.T) {
	t.Parallel()
	seal := func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, task *tasks.Task) error {
			opened := *task
			opened.Payload = []byte("opened")
			ctx = tasks.ContextWithTask(ctx, &opened)
			err := next.HandleTask(ctx, &opened)
			if r, ok := tasks.ResultFrom(ctx); ok {
				tasks.SetResult(ctx, result("sealed "+string(r.Body)))
			}
			return err
		})
	}
	handler := tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
		task, ok := tasks.FromContext(ctx)
		require.True(t, ok)
		tasks.SetResult(ctx, tasks.Result{Body: task.Payload})
		return nil
	})
	d := executor(tasks.Chain(handler, seal)).Execute(t.Context(), &tasks.Task{Payload: []byte("closed")})
	require.NotNil(t, d.Result)
	assert.Equal(t, "sealed opened", string(d.Result.Body))
}

func TestSetResultFromManyGoroutines(t *testing.T) {
	t.Parallel()
	d := executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { tasks.SetResult(ctx, result("x")) })
		}
		all.Wait()
		return nil
	})).Execute(t.Context(), &tasks.Task{})
	assert.NotNil(t, d.Result)
}

// What the context carries is one allocation, as it was before there were results.
func TestATaskWithoutResultAllocatesNothingForIt(t *testing.T) {
	ctx, task := t.Context(), &tasks.Task{}
	made := testing.AllocsPerRun(100, func() { _ = tasks.ContextWithTask(ctx, task) })
	assert.LessOrEqual(t, made, 1.0)
	e := executor(returning(nil))
	plain := testing.AllocsPerRun(100, func() {
		ctx, cancel := context.WithTimeoutCause(tasks.ContextWithTask(ctx, task), tasks.DefaultTimeout, errBoom)
		defer cancel()
		_ = ctx
	})
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { e.Execute(ctx, task) }), plain+1, "the timeout's cause")
}

type sum struct{ A, B int }

var add = tasks.DefineResult[sum, int]("math.add")

func TestDefineResultHandles(t *testing.T) {
	t.Parallel()
	mux := tasks.NewMux()
	add.Handle(mux, func(_ context.Context, s sum) (int, error) {
		if s.A < 0 {
			return 7, errBoom
		}
		return s.A + s.B, nil
	})
	unusual := tasks.DefineResult[sum, func()]("math.unusual")
	unusual.Handle(mux, func(context.Context, sum) (func(), error) { return func() {}, nil })
	require.NoError(t, mux.Err())
	e := executor(mux)
	run := func(key, payload string) tasks.Decision {
		return e.Execute(t.Context(), &tasks.Task{Key: key, Payload: []byte(payload)})
	}
	d := run("math.add", `{"A": 2, "B": 3}`)
	assert.Equal(t, tasks.Decision{Action: tasks.Ack, Result: &tasks.Result{ContentType: "application/json", Body: []byte("5")}}, d)
	assert.ErrorIs(t, run("math.add", `{"A": -1}`).Err, errBoom)
	assert.Equal(t, tasks.ReasonMalformed, run("math.add", `[]`).Reason)
	assert.Equal(t, tasks.ReasonPermanent, run("math.unusual", `{}`).Reason)

	mux = tasks.NewMux()
	add.Handle(mux, nil)
	assert.ErrorIs(t, mux.Err(), tasks.ErrInvalidMux)
}

// waiter answers without a broker.
type waiter func(context.Context, tasks.Task, tasks.Wait) (tasks.Reply, error)

func (w waiter) EnqueueAndWait(ctx context.Context, t tasks.Task, wait tasks.Wait) (tasks.Reply, error) {
	return w(ctx, t, wait)
}

func TestDefineResultWaits(t *testing.T) {
	t.Parallel()
	var told []string
	answer := func(body string, err error) waiter {
		return func(_ context.Context, task tasks.Task, wait tasks.Wait) (tasks.Reply, error) {
			assert.Equal(t, "math.add", task.Key)
			assert.JSONEq(t, `{"A": 2, "B": 3}`, string(task.Payload))
			assert.Equal(t, 7, task.Priority)
			wait.Enqueued("my-id")
			wait.Progress(tasks.ProgressEvent{Note: "half"})
			return tasks.Reply{ID: "my-id", Body: []byte(body)}, err
		}
	}
	opts := []tasks.WaitOption{
		tasks.Priority(7), tasks.OnEnqueued(func(id string) { told = append(told, id) }),
		tasks.OnProgress(func(e tasks.ProgressEvent) { told = append(told, e.Note) }),
	}
	got, err := add.EnqueueAndWait(t.Context(), answer("5", nil), sum{2, 3}, opts...)
	require.NoError(t, err)
	assert.Equal(t, 5, got)
	assert.Equal(t, []string{"my-id", "half"}, told)

	var malformed *tasks.MalformedError
	for _, body := range []string{"", "five"} {
		_, err = add.EnqueueAndWait(t.Context(), answer(body, nil), sum{2, 3}, opts...)
		require.ErrorAs(t, err, &malformed)
		assert.Equal(t, "result", malformed.Field)
	}
	remote := &tasks.RemoteError{ID: "my-id", Reason: tasks.ReasonExpired, Text: "too late"}
	_, err = add.EnqueueAndWait(t.Context(), answer("", remote), sum{2, 3}, opts...)
	assert.ErrorIs(t, err, remote)
	require.NoError(t, add.Definition.EnqueueAndWait(t.Context(), answer("", nil), sum{2, 3}, opts...))

	bad := tasks.Define[func()]("math.add")
	assert.ErrorIs(t, bad.EnqueueAndWait(t.Context(), answer("", nil), nil), tasks.ErrInvalidTask)
}

func TestRemoteErrorIsFoundByItsReason(t *testing.T) {
	t.Parallel()
	err := error(&tasks.RemoteError{ID: "x", Reason: tasks.ReasonPermanent, Text: "boom"})
	assert.EqualError(t, err, "task x is dead (permanent): boom")
	assert.ErrorIs(t, err, &tasks.RemoteError{Reason: tasks.ReasonPermanent})
	assert.NotErrorIs(t, err, &tasks.RemoteError{Reason: tasks.ReasonExpired})
	assert.NotErrorIs(t, err, &tasks.RemoteError{ID: "y", Reason: tasks.ReasonPermanent})
	assert.EqualError(t, &tasks.RemoteError{ID: "x", Text: "too large"}, "task x is done, without its result: too large")
}
