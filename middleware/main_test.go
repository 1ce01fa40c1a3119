package middleware_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warrenmq/warren/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBoom = errors.New("boom")

// task is one whose payload and headers no log may show.
func task() *tasks.Task {
	return &tasks.Task{
		ID: "id-1", Key: "email.welcome", Queue: "mail", Attempt: 2, Payload: []byte("secret"), Headers: map[string]any{"x-token": "secret"},
	}
}

// returning is a handler with one answer.
func returning(err error) tasks.Handler {
	return tasks.HandlerFunc(func(context.Context, *tasks.Task) error { return err })
}

// deciding is the decision of an executor about a task that a handler runs, its error apart.
func deciding(ctx context.Context, h tasks.Handler, t *tasks.Task) (tasks.Decision, error) {
	e := tasks.Executor{
		Handler: h, Retry: tasks.RetryPolicy{Jitter: tasks.NoJitter}, Timeout: time.Minute, Log: slog.New(slog.DiscardHandler),
	}
	d := e.Execute(ctx, t)
	err := d.Err
	d.Err = nil
	return d, err
}
