package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/time/rate"

	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/tasks"
)

// logger writes lines without their times.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "took" {
			return slog.Attr{}
		}
		return a
	}}))
}

func ExampleRecover() {
	h := tasks.Chain(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
		panic("no template")
	}), middleware.Recover(slog.New(slog.DiscardHandler)))
	err := h.HandleTask(context.Background(), &tasks.Task{Key: "email.welcome"})
	fmt.Println(errors.Is(err, tasks.ErrPanic), err)
	// Output: true handler panicked: no template
}

// The tasks of one pattern get less time than their queue allows.
func ExampleTimeout() {
	mux := tasks.NewMux()
	send := tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
		<-ctx.Done()
		return ctx.Err()
	})
	mux.Handle("email.#", tasks.Chain(send, middleware.Timeout(time.Millisecond)))

	executor := tasks.Executor{Handler: mux, Timeout: time.Hour}
	d := executor.Execute(context.Background(), &tasks.Task{Key: "email.welcome", Attempt: 1})
	fmt.Println(d.Action, d.Err)
	// Output: retry timed out after 1ms: context deadline exceeded
}

func ExampleLogging() {
	h := tasks.Chain(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
		return errors.New("connection refused")
	}), middleware.Logging(logger()))
	_ = h.HandleTask(context.Background(), &tasks.Task{ID: "7", Key: "email.welcome", Queue: "email", Attempt: 1})
	// Output: level=WARN msg="handler ended" id=7 key=email.welcome queue=email attempt=1 outcome=failed error="connection refused"
}

// An API takes two requests at once and one an hour. The third task would take all of its time to
// wait: it is put off, and its only attempt is left.
func ExampleRateLimit() {
	limiter := rate.NewLimiter(rate.Every(time.Hour), 2)
	mux := tasks.NewMux()
	call := tasks.HandlerFunc(func(_ context.Context, t *tasks.Task) error {
		fmt.Println("called for", t.ID)
		return nil
	})
	mux.Handle("api.#", tasks.Chain(call, middleware.RateLimit(limiter)))

	executor := tasks.Executor{Handler: mux, Retry: tasks.RetryPolicy{MaxAttempts: 1}}
	for _, id := range []string{"1", "2", "3"} {
		d := executor.Execute(context.Background(), &tasks.Task{ID: id, Key: "api.sync", Attempt: 1})
		fmt.Println(d.Action, d.After)
	}
	// Output:
	// called for 1
	// ack 0s
	// called for 2
	// ack 0s
	// retry 5m0s
}
