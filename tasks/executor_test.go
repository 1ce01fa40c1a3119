package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

var errBoom = errors.New("boom")

// returning is a handler with one answer.
func returning(err error) tasks.Handler {
	return tasks.HandlerFunc(func(context.Context, *tasks.Task) error { return err })
}

// executor returns one whose delays are not spread and whose log is lost.
func executor(h tasks.Handler) *tasks.Executor {
	return &tasks.Executor{Handler: h, Retry: tasks.RetryPolicy{Jitter: tasks.NoJitter}, Log: slog.New(slog.DiscardHandler)}
}

func TestExecuteOutcomes(t *testing.T) {
	t.Parallel()
	malformed := &tasks.MalformedError{Field: "payload", Err: errBoom}
	wrapped := func(err error) error { return fmt.Errorf("sending: %w", err) }
	const first, last, beyond = 1, 5, 80 // attempts
	tests := map[string]struct {
		attempt int
		err     error
		want    tasks.Decision // Err is checked apart
	}{
		"nil":                         {first, nil, tasks.Decision{Action: tasks.Ack}},
		"nil at last":                 {last, nil, tasks.Decision{Action: tasks.Ack}},
		"error":                       {first, errBoom, tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true}},
		"error, third attempt":        {3, errBoom, tasks.Decision{Action: tasks.Retry, After: 8 * time.Second, Counts: true}},
		"error at last":               {last, errBoom, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonAttemptsExhausted, Counts: true}},
		"error beyond":                {beyond, errBoom, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonAttemptsExhausted, Counts: true}},
		"permanent":                   {first, tasks.Permanent(errBoom), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Counts: true}},
		"permanent, wrapped":          {first, wrapped(tasks.Permanent(errBoom)), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Counts: true}},
		"permanent, joined":           {first, errors.Join(errBoom, tasks.Permanent(errBoom)), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Counts: true}},
		"permanent at last":           {last, tasks.Permanent(errBoom), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Counts: true}},
		"permanent over retry after":  {first, tasks.RetryAfter(1, tasks.Permanent(errBoom)), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Counts: true}},
		"permanent of nothing":        {first, tasks.Permanent(nil), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Counts: true}},
		"retry after":                 {first, tasks.RetryAfter(7, errBoom), tasks.Decision{Action: tasks.Retry, After: 7, Counts: true}},
		"retry after, wrapped":        {4, wrapped(tasks.RetryAfter(7, errBoom)), tasks.Decision{Action: tasks.Retry, After: 7, Counts: true}},
		"retry after a negative time": {first, tasks.RetryAfter(-7, errBoom), tasks.Decision{Action: tasks.Retry, Counts: true}},
		"retry after a year":          {first, tasks.RetryAfter(365*24*time.Hour, errBoom), tasks.Decision{Action: tasks.Retry, After: routing.MaxDelay, Counts: true}},
		"retry after at last":         {last, tasks.RetryAfter(7, errBoom), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonAttemptsExhausted, Counts: true}},
		"snooze":                      {first, tasks.Snooze(7), tasks.Decision{Action: tasks.Retry, After: 7}},
		"not begun":                   {first, wrapped(tasks.NotBegun(7)), tasks.Decision{Action: tasks.Retry, After: 7, NotBegun: true}},
		"snooze, wrapped":             {first, wrapped(tasks.Snooze(7)), tasks.Decision{Action: tasks.Retry, After: 7}},
		"snooze at last":              {last, tasks.Snooze(7), tasks.Decision{Action: tasks.Retry, After: 7}},
		"snooze for a negative time":  {first, tasks.Snooze(-7), tasks.Decision{Action: tasks.Retry}},
		"snooze for a year":           {first, tasks.Snooze(365 * 24 * time.Hour), tasks.Decision{Action: tasks.Retry, After: routing.MaxDelay}},
		"malformed":                   {first, malformed, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonMalformed, Counts: true}},
		"malformed, wrapped":          {first, wrapped(malformed), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonMalformed, Counts: true}},
		"unauthorised":                {first, wrapped(tasks.ErrUnauthorised), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonUnauthorised}},
		"undecryptable":               {first, wrapped(tasks.ErrUndecryptable), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonUndecryptable}},
		"no handler":                  {first, wrapped(tasks.ErrNoHandler), tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonNoHandler}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := executor(returning(tt.err)).Execute(t.Context(), &tasks.Task{Key: "email", Attempt: tt.attempt})
			var snooze *tasks.SnoozeError
			if errors.As(tt.err, &snooze) {
				assert.NoError(t, got.Err, "no failure")
			} else {
				assert.Equal(t, tt.err, got.Err)
			}
			got.Err = nil
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestExecuteWithoutAHandler(t *testing.T) {
	t.Parallel()
	got := executor(tasks.NewMux()).Execute(t.Context(), &tasks.Task{Key: "email", Attempt: 1})
	assert.Equal(t, tasks.ReasonNoHandler, got.Reason)
	assert.ErrorIs(t, got.Err, tasks.ErrNoHandler)
}

// Whatever a foreign program publishes that nobody handles is dead at its first delivery, whole.
func TestExecuteForeignWithoutAHandler(t *testing.T) {
	t.Parallel()
	mux := tasks.NewMux()
	mux.HandleFunc("email.#", func(context.Context, *tasks.Task) error { assert.Fail(t, "run"); return nil })
	e := executor(mux)
	e.Retry.ShouldRetry = func(error, int) tasks.Verdict { return tasks.RetryYes }
	for name, m := range map[string]tasks.Message{
		"bare":         {RoutingKey: "sms.send"},
		"plain text":   {RoutingKey: "sms.send", ContentType: "text/plain", Body: []byte("hello")},
		"binary":       {RoutingKey: "sms.send", ContentType: "application/octet-stream", Body: []byte{0, 0xff, 0xfe}},
		"an odd key":   {RoutingKey: " ..\xff", MessageID: "1", Headers: map[string]any{"x-tenant": "acme"}},
		"of attempts":  {RoutingKey: "sms.send", Headers: map[string]any{tasks.HeaderMaxAttempts: 100}},
		"with a reply": {RoutingKey: "sms.send", CorrelationID: "c", ReplyTo: "r", Type: "t", UserID: "bob"},
	} {
		task, err := tasks.Decode(m, "work", now)
		require.NoError(t, err, name)
		got := e.Execute(t.Context(), &task)
		require.ErrorIs(t, got.Err, tasks.ErrNoHandler, name)
		failure := tasks.Failure{Err: got.Err, At: now, Worker: "worker-1"}
		got.Err = nil
		assert.Equal(t, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonNoHandler}, got, name)

		dead := tasks.DeadMessage(m, &task, self, got.Reason, failure, got.Counts)
		assert.Equal(t, m.Body, dead.Body, name)
		assert.Equal(t, m.ContentType, dead.ContentType, name)
		assert.Equal(t, "no-handler", dead.Headers[tasks.HeaderDeadReason], name)
		assert.Equal(t, fmt.Sprintf("no handler for key %q", m.RoutingKey), dead.Headers[tasks.HeaderError], name)
		assert.NotContains(t, dead.Headers, tasks.HeaderErrors, "it has not run")
	}
}

func TestExecuteOverrides(t *testing.T) {
	t.Parallel()
	e := executor(returning(errBoom))
	assert.Equal(t, tasks.DeadLetter, e.Execute(t.Context(), &tasks.Task{Attempt: 1, MaxAttempts: 1}).Action, "fewer attempts")
	assert.Equal(t, tasks.Retry, e.Execute(t.Context(), &tasks.Task{Attempt: 99, MaxAttempts: 100}).Action, "more attempts")

	e = executor(tasks.HandlerFunc(func(ctx context.Context, task *tasks.Task) error {
		deadline, ok := ctx.Deadline()
		assert.True(t, ok)
		want := tasks.DefaultTimeout
		if task.Timeout > 0 {
			want = task.Timeout
		}
		assert.Equal(t, want, time.Until(deadline))
		got, ok := tasks.FromContext(ctx)
		assert.True(t, ok)
		assert.Same(t, task, got)
		return nil
	}))
	synctest.Test(t, func(t *testing.T) {
		for _, timeout := range []time.Duration{0, time.Millisecond, 30 * 24 * time.Hour} {
			assert.Equal(t, tasks.Decision{Action: tasks.Ack}, e.Execute(t.Context(), &tasks.Task{Timeout: timeout}))
		}
	})
}

func TestExecuteSpreadsRetries(t *testing.T) {
	t.Parallel()
	e := executor(returning(errBoom))
	e.Retry, e.Spread = tasks.RetryPolicy{Initial: 10 * time.Second, Jitter: 0.5}, func() float64 { return 0 }
	assert.Equal(t, 5*time.Second, e.Execute(t.Context(), &tasks.Task{Attempt: 1}).After)
}

// A panic is an error like any other, but for the stack in the log.
func TestExecutePanics(t *testing.T) {
	t.Parallel()
	var nilPointer *tasks.Task
	for name, panics := range map[string]func() error{
		"text":                    func() error { panic("boom") },
		"error":                   func() error { panic(errBoom) },
		"outcome":                 func() error { panic(tasks.Permanent(errBoom)) },
		"nil":                     func() error { panic(nil) },
		"nil error":               func() error { panic(error(nil)) },
		"nil pointer as an error": func() error { panic((*tasks.PermanentError)(nil)) },
		"runtime error":           func() error { return errors.New(nilPointer.ID) },
		"nil pointer returned":    func() error { return (*tasks.PermanentError)(nil) },
		"nil pointer, wrapped":    func() error { return fmt.Errorf("sending: %w", (*tasks.PermanentError)(nil)) },
		"error without a text":    func() error { return brokenError{} },
		"error that cannot be unwrapped": func() error {
			return tasks.RetryAfter(time.Hour, errors.Join(errBoom, &brokenUnwrap{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			e := executor(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { return panics() }))
			e.Log = slog.New(slog.NewTextHandler(&log, nil))
			got := e.Execute(t.Context(), &tasks.Task{ID: "id-1", Key: "email", Queue: "mail", Attempt: 1})
			require.ErrorIs(t, got.Err, tasks.ErrPanic)
			got.Err = nil
			assert.Equal(t, tasks.Decision{Action: tasks.Retry, After: 2 * time.Second, Counts: true}, got)
			for _, says := range []string{"id=id-1", "key=email", "queue=mail", "attempt=1", "executor_test.go"} {
				assert.Contains(t, log.String(), says)
			}
			last := e.Execute(t.Context(), &tasks.Task{Attempt: 5})
			assert.Equal(t, tasks.ReasonAttemptsExhausted, last.Reason)
			assert.ErrorIs(t, last.Err, tasks.ErrPanic)
		})
	}
}

type brokenError struct{}

func (brokenError) Error() string { panic("no text") }

type brokenUnwrap struct{}

func (*brokenUnwrap) Error() string { return "broken" }
func (*brokenUnwrap) Unwrap() error { panic("no cause") }

// A handler that ends its goroutine (t.FailNow does) ends Execute's caller with it: nothing is
// decided, but the task's context is cancelled and the caller's deferred calls run.
func TestExecuteGoexit(t *testing.T) {
	t.Parallel()
	var taskCtx context.Context
	e := executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
		taskCtx = ctx
		runtime.Goexit()
		return nil
	}))
	ended, returned := make(chan struct{}), false
	go func() {
		defer close(ended)
		e.Execute(t.Context(), &tasks.Task{Attempt: 1})
		returned = true
	}()
	<-ended
	assert.False(t, returned)
	assert.Error(t, taskCtx.Err())
}

// An executor needs no more than a handler, and serves any number of goroutines.
func TestZeroExecutor(t *testing.T) {
	t.Parallel()
	e := &tasks.Executor{Handler: returning(errBoom)}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got := e.Execute(t.Context(), &tasks.Task{Attempt: 1, ExpiresAt: time.Now().Add(time.Hour)})
			assert.Equal(t, tasks.Retry, got.Action)
			assert.InDelta(t, 2*time.Second, got.After, float64(200*time.Millisecond))
		})
	}
	wg.Wait()
	assert.Equal(t, tasks.RetryPolicy{}, e.Retry, "the defaults are not written back")
}

func TestExecutorWithDefaults(t *testing.T) {
	t.Parallel()
	e := tasks.Executor{}.WithDefaults()
	assert.Equal(t, tasks.RetryPolicy{}.WithDefaults(), e.Retry)
	assert.Equal(t, time.Minute, e.Timeout)
	assert.WithinDuration(t, time.Now(), e.Now(), time.Minute)
	assert.Same(t, slog.Default(), e.Log)
	spread := e.Spread()
	assert.True(t, 0 <= spread && spread < 1)

	log := slog.New(slog.DiscardHandler)
	e = tasks.Executor{
		Handler: returning(errBoom), Retry: tasks.RetryPolicy{MaxAttempts: 1}, Timeout: 1, Now: func() time.Time { return now },
		Spread: func() float64 { return 0.25 }, Log: log,
	}.WithDefaults()
	assert.NotNil(t, e.Handler)
	assert.Equal(t, 1, e.Retry.MaxAttempts)
	assert.Equal(t, time.Duration(1), e.Timeout)
	assert.Equal(t, now, e.Now())
	assert.InDelta(t, 0.25, e.Spread(), 0)
	assert.Same(t, log, e.Log)
}
