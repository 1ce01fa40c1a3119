package encryption

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

const secret = "eve@example.com"

// sealedTask returns an encrypted task as it is delivered.
func sealedTask(t *testing.T, keys *Keyset) tasks.Task {
	t.Helper()
	sealed, err := keys.Seal(tasks.Task{Key: "email.welcome", ID: "7", Payload: []byte(secret), ContentType: "text/plain"})
	require.NoError(t, err)
	sealed.Attempt, sealed.Queue = 1, "email"
	return sealed
}

// execute runs a task as a worker does and returns the decision and what was logged.
func execute(keys *Keyset, config Config, t *tasks.Task, f tasks.HandlerFunc) (tasks.Decision, string) {
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	config.Log = log
	mux := tasks.NewMux()
	mux.Handle("#", f)
	e := tasks.Executor{Handler: tasks.Chain(mux, Middleware(keys, config)), Log: log, Timeout: time.Minute}
	return e.Execute(context.Background(), t), logged.String()
}

func TestMiddlewareOpens(t *testing.T) {
	keys, _ := newKeys(t)
	task := sealedTask(t, keys)
	_, x := errorTexts(t, keys)
	task.Errors = []string{"#1 worker-1: " + x.seal("no "+secret, 150)}
	before := task
	d, _ := execute(keys, Config{Required: true}, &task, func(ctx context.Context, t2 *tasks.Task) error {
		assert.Equal(t, secret, string(t2.Payload))
		assert.Equal(t, "text/plain", t2.ContentType)
		assert.Equal(t, []string{"#1 worker-1: no " + secret}, t2.Errors)
		assert.Equal(t, "email", t2.Queue)
		fromContext, ok := tasks.FromContext(ctx)
		assert.True(t, ok)
		assert.Same(t, t2, fromContext)
		return nil
	})
	assert.Equal(t, tasks.Ack, d.Action)
	assert.Equal(t, before, task, "what is published again is the ciphertext")
}

func TestMiddlewareOfPlainTasks(t *testing.T) {
	keys, _ := newKeys(t)
	task := tasks.Task{Key: "a", ID: "7", Attempt: 1, Payload: []byte("x")}
	boom := errors.New("boom")
	d, _ := execute(keys, Config{}, &task, func(context.Context, *tasks.Task) error { return boom })
	assert.Equal(t, boom, d.Err, "its error is nobody's secret")
	d, _ = execute(keys, Config{Required: true}, &task, func(context.Context, *tasks.Task) error {
		assert.Fail(t, "it must not be run")
		return nil
	})
	assert.Equal(t, tasks.ReasonUndecryptable, d.Reason)
	assert.ErrorContains(t, d.Err, "it is not encrypted")
}

func TestMiddlewareRunsNothingThatDoesNotOpen(t *testing.T) {
	keys, _ := newKeys(t)
	others, _ := newKeys(t)
	moved := sealedTask(t, keys)
	moved.Key = "email.goodbye"
	foreign := sealedTask(t, others)
	for _, task := range []tasks.Task{moved, foreign} {
		d, _ := execute(keys, Config{}, &task, func(context.Context, *tasks.Task) error {
			assert.Fail(t, "it must not be run")
			return nil
		})
		assert.Equal(t, tasks.DeadLetter, d.Action)
		assert.Equal(t, tasks.ReasonUndecryptable, d.Reason)
		assert.NotContains(t, d.Err.Error(), sealedMark, "what is wrong is told in clear")
	}
}

// nilError panics when it is asked for its text.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestMiddlewareSealsErrors(t *testing.T) {
	keys, _ := newKeys(t)
	cause := errors.New("no user " + secret)
	for name, test := range map[string]struct {
		handler tasks.HandlerFunc
		want    tasks.Decision
		is      error
		says    string
	}{
		"an error":    {func(context.Context, *tasks.Task) error { return cause }, tasks.Decision{Action: tasks.Retry, Counts: true}, cause, "no user " + secret},
		"permanent":   {func(context.Context, *tasks.Task) error { return tasks.Permanent(cause) }, tasks.Decision{Action: tasks.DeadLetter, Counts: true, Reason: tasks.ReasonPermanent}, cause, "no user " + secret},
		"retry after": {func(context.Context, *tasks.Task) error { return tasks.RetryAfter(time.Hour, cause) }, tasks.Decision{Action: tasks.Retry, After: time.Hour, Counts: true}, cause, "no user " + secret},
		"snooze":      {func(context.Context, *tasks.Task) error { return tasks.Snooze(time.Hour) }, tasks.Decision{Action: tasks.Retry, After: time.Hour}, nil, ""},
		"malformed": {
			func(context.Context, *tasks.Task) error { return &tasks.MalformedError{Field: "payload", Err: cause} },
			tasks.Decision{Action: tasks.DeadLetter, Counts: true, Reason: tasks.ReasonMalformed}, cause, "malformed payload: no user " + secret,
		},
		"a panic":         {func(context.Context, *tasks.Task) error { panic("boom, " + secret) }, tasks.Decision{Action: tasks.Retry, Counts: true}, tasks.ErrPanic, "handler panicked: boom, " + secret},
		"a nil error":     {func(context.Context, *tasks.Task) error { return (*nilError)(nil) }, tasks.Decision{Action: tasks.Retry, Counts: true}, tasks.ErrPanic, "handler panicked: runtime error: invalid memory address or nil pointer dereference"},
		"no such handler": {nil, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonNoHandler}, tasks.ErrNoHandler, `no handler for key "email.welcome"`},
	} {
		t.Run(name, func(t *testing.T) {
			task := sealedTask(t, keys)
			handler := test.handler
			if handler == nil {
				handler = func(context.Context, *tasks.Task) error { return nil }
				mux := tasks.NewMux()
				mux.Handle("other", handler)
				handler = mux.HandleTask
			}
			d, logged := execute(keys, Config{}, &task, handler)
			err := d.Err
			if d.Err = nil; test.want.After == 0 {
				d.After = 0
			}
			assert.Equal(t, test.want, d)
			assert.NotContains(t, logged, secret)
			if test.is == nil {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, test.is)
			assert.Regexp(t, `^sealed:[A-Za-z0-9_-]+$`, err.Error())
			assert.Equal(t, test.says, keys.OpenError(&task, err.Error()))
			if errors.Is(err, tasks.ErrPanic) {
				assert.Contains(t, logged, "encryption.run", "the stack is in the log")
			}
		})
	}
}

// The policy sees the error as it is.
func TestMiddlewareLeavesTheErrorToThePolicy(t *testing.T) {
	keys, _ := newKeys(t)
	cause := errors.New("no such user")
	e := tasks.Executor{
		Handler: Middleware(keys, Config{})(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { return cause })),
		Retry: tasks.RetryPolicy{ShouldRetry: func(err error, _ int) tasks.Verdict {
			assert.ErrorIs(t, err, cause)
			return tasks.RetryNo
		}},
	}
	task := sealedTask(t, keys)
	assert.Equal(t, tasks.ReasonPermanent, e.Execute(t.Context(), &task).Reason)
}
