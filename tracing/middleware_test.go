package tracing_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/tracing"
)

// returning is a handler with one answer.
func returning(err error) tasks.HandlerFunc {
	return func(context.Context, *tasks.Task) error { return err }
}

// executor runs a handler within middleware, without a log.
func executor(h tasks.Handler, chain ...tasks.Middleware) *tasks.Executor {
	return &tasks.Executor{
		Handler: tasks.Chain(h, chain...), Retry: tasks.RetryPolicy{Jitter: tasks.NoJitter}, Log: slog.New(slog.DiscardHandler),
	}
}

const previousAttempt = "00-" + givenTrace + "-00f067aa0ba902b7-01"

func TestSpanOfARun(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	future := time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
	task := tasks.Task{
		ID: "id-1", Key: "email.welcome", Queue: "email", Payload: []byte("secret"), Attempt: 2, Priority: 7, Redeliveries: 1,
		CorrelationID: "c-1", EnqueuedAt: future.Add(-time.Minute), NotBefore: future, Schedule: "daily", ScheduledFor: future,
		BatchID: "import", BatchIndex: 2, BatchTotal: 3,
		TraceParent: givenParent, TraceState: "a=1", PreviousAttempt: previousAttempt,
	}
	var seen tasks.Task
	var within trace.SpanContext
	d := executor(tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
		from, _ := tasks.FromContext(ctx)
		seen, within = *from, trace.SpanContextFromContext(ctx)
		tasks.SetResult(ctx, tasks.Result{Body: []byte("r")})
		return nil
	}), tracing.Middleware(tracing.Config{Provider: provider})).Execute(t.Context(), &task)

	span := ended(t, recorder, 1)[0]
	assert.Equal(t, "process email.welcome:email", span.Name())
	assert.Equal(t, trace.SpanKindConsumer, span.SpanKind())
	at := future.Format(time.RFC3339Nano)
	assert.Equal(t, map[string]any{
		"messaging.system": "rabbitmq", "messaging.operation.name": "process", "messaging.operation.type": "process",
		"messaging.destination.name": "email.welcome:email", "messaging.rabbitmq.destination.routing_key": "email.welcome",
		"messaging.consumer.group.name": "email",
		"messaging.message.id":          "id-1", "messaging.message.conversation_id": "c-1", "messaging.message.body.size": int64(6),
		"warren.queue": "email", "warren.attempt": int64(2), "warren.priority": int64(7), "warren.redeliveries": int64(1),
		"warren.not_before": at, "warren.wait_ms": int64(0), "warren.schedule": "daily", "warren.scheduled_for": at,
		"warren.batch": "import", "warren.batch_index": int64(2), "warren.batch_total": int64(3),
		"warren.outcome": "succeeded",
	}, attributes(t, span))
	assert.Equal(t, codes.Unset, span.Status().Code)
	assert.Equal(t, givenTrace, span.SpanContext().TraceID().String())
	assert.Equal(t, givenSpan, span.Parent().SpanID().String())
	assert.True(t, span.Parent().IsRemote())
	assert.Equal(t, "a=1", span.SpanContext().TraceState().String())
	require.Len(t, span.Links(), 1)
	assert.Equal(t, previousAttempt, traceParent(span.Links()[0].SpanContext))

	assert.Equal(t, span.SpanContext(), within)
	assert.Equal(t, traceParent(span.SpanContext()), seen.TraceParent, "what programs and services are told")
	assert.Equal(t, "a=1", seen.TraceState)
	assert.Equal(t, givenParent, task.TraceParent, "the delivery's own stays, for the next run")
	assert.Equal(t, traceParent(span.SpanContext()), d.TraceParent)
	assert.Equal(t, []byte("r"), d.Result.Body)
}

// Where a run has its place in a trace.
func TestPlaceOfARun(t *testing.T) {
	t.Parallel()
	otherTrace := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, tt := range map[string]struct {
		task   tasks.Task
		parent string // empty: a root
		link   string // empty: none
	}{
		"without a trace":         {tasks.Task{}, "", ""},
		"of a publish":            {tasks.Task{TraceParent: givenParent}, givenParent, ""},
		"after another":           {tasks.Task{TraceParent: givenParent, PreviousAttempt: previousAttempt}, givenParent, previousAttempt},
		"after another elsewhere": {tasks.Task{TraceParent: givenParent, PreviousAttempt: otherTrace}, givenParent, otherTrace},
		"after another alone":     {tasks.Task{PreviousAttempt: previousAttempt}, previousAttempt, previousAttempt},
		"unreadable":              {tasks.Task{TraceParent: "00-ff", PreviousAttempt: "\x00"}, "", ""},
		"unreadable before":       {tasks.Task{TraceParent: givenParent, PreviousAttempt: "00-" + givenTrace + "-0000000000000000-01"}, givenParent, ""},
		"unreadable publish":      {tasks.Task{TraceParent: "zz", PreviousAttempt: previousAttempt}, previousAttempt, previousAttempt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider, recorder := spans()
			tt.task.Key, tt.task.Queue = "email", "email"
			executor(returning(nil), tracing.Middleware(tracing.Config{Provider: provider})).Execute(t.Context(), &tt.task)
			span := ended(t, recorder, 1)[0]
			assert.Equal(t, "process email", span.Name(), "key and queue are the same")
			assert.Equal(t, tt.parent, traceParent(span.Parent()))
			link := ""
			if len(span.Links()) > 0 {
				link = traceParent(span.Links()[0].SpanContext)
			}
			assert.Equal(t, tt.link, link)
		})
	}
}

func TestOutcomesOfRuns(t *testing.T) {
	t.Parallel()
	stopping := func(context.Context, *tasks.Task) error { return context.Canceled }
	for name, tt := range map[string]struct {
		handler tasks.HandlerFunc
		attempt int
		cause   error // why the worker's context ends while the handler runs
		want    map[string]any
		says    string // of the status; empty: no error
	}{
		"succeeded": {handler: returning(nil), want: map[string]any{"warren.outcome": "succeeded"}},
		"retried": {
			handler: returning(errBoom), attempt: 1, says: "boom",
			want: map[string]any{"warren.outcome": "retried", "warren.retry_in_ms": int64(2000), "error.type": "_OTHER"},
		},
		"retried later": {
			handler: returning(tasks.RetryAfter(time.Minute, &tasks.RemoteError{ID: "1"})), attempt: 1, says: "task 1 is done, without its result: ",
			want: map[string]any{"warren.outcome": "retried", "warren.retry_in_ms": int64(60_000), "error.type": "*tasks.RemoteError"},
		},
		"snoozed": {
			handler: returning(tasks.Snooze(time.Second)),
			want:    map[string]any{"warren.outcome": "snoozed", "warren.retry_in_ms": int64(1000)},
		},
		"exhausted": {
			handler: returning(errBoom), attempt: 5, says: "boom",
			want: map[string]any{"warren.outcome": "dead", "warren.reason": "attempts-exhausted", "error.type": "_OTHER"},
		},
		"permanent": {
			handler: returning(tasks.Permanent(&tasks.MalformedError{Field: "payload", Err: errBoom})), attempt: 1, says: "malformed payload: boom",
			want: map[string]any{"warren.outcome": "dead", "warren.reason": "malformed", "error.type": "*tasks.MalformedError"},
		},
		"no handler": {
			handler: returning(tasks.ErrNoHandler), says: tasks.ErrNoHandler.Error(),
			want: map[string]any{"warren.outcome": "dead", "warren.reason": "no-handler", "error.type": "no-handler"},
		},
		"panicked": {
			handler: func(context.Context, *tasks.Task) error { panic("ouch") }, attempt: 5, says: "handler panicked: ouch",
			want: map[string]any{"warren.outcome": "dead", "warren.reason": "attempts-exhausted", "error.type": "panic"},
		},
		"returned": {handler: stopping, cause: errors.New("stop"), want: map[string]any{"warren.outcome": "returned"}},
		"revoked": {
			handler: stopping, cause: tasks.ErrRevoked,
			want: map[string]any{"warren.outcome": "revoked", "warren.reason": "revoked"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider, recorder := spans()
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			handler := tasks.HandlerFunc(func(ctx context.Context, task *tasks.Task) error {
				if tt.cause != nil {
					stop(tt.cause)
				}
				return tt.handler(ctx, task)
			})
			executor(handler, tracing.Middleware(tracing.Config{Provider: provider})).Execute(ctx, &tasks.Task{Key: "email", Attempt: tt.attempt})
			span := ended(t, recorder, 1)[0]
			got := attributes(t, span)
			for _, name := range []string{"warren.outcome", "warren.reason", "warren.retry_in_ms", "error.type"} {
				assert.Equal(t, tt.want[name], got[name], name)
			}
			assert.Equal(t, tt.says, span.Status().Description)
			if tt.says == "" {
				assert.Equal(t, codes.Unset, span.Status().Code)
				assert.Empty(t, span.Events())
				return
			}
			assert.Equal(t, codes.Error, span.Status().Code)
			require.Len(t, span.Events(), 1)
			assert.Equal(t, map[string]any{"exception.type": tt.want["error.type"], "exception.message": tt.says},
				values(t, span.Events()[0].Attributes))
		})
	}
}

func TestSpanOfARunThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	over := make(chan struct{})
	go func() {
		defer close(over)
		executor(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { runtime.Goexit(); return nil }),
			tracing.Middleware(tracing.Config{Provider: provider})).Execute(context.Background(), &tasks.Task{})
	}()
	<-over
	span := ended(t, recorder, 1)[0]
	assert.Equal(t, sdktrace.Status{Code: codes.Error, Description: "the handler ended its goroutine"}, span.Status())
	assert.NotContains(t, attributes(t, span), "warren.outcome", "it is the worker that decides")
}

// Twice, as around a queue and around one handler: the inner span is a child of the outer one, which is
// what the next run links to.
func TestMiddlewareWithinItself(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	m := tracing.Middleware(tracing.Config{Provider: provider})
	d := executor(returning(errBoom), m, m).Execute(t.Context(), &tasks.Task{Key: "email", Attempt: 1})
	got := ended(t, recorder, 2)
	inner, outer := got[0], got[1]
	assert.Equal(t, outer.SpanContext().SpanID(), inner.Parent().SpanID())
	assert.Equal(t, traceParent(outer.SpanContext()), d.TraceParent)
	assert.Equal(t, "retried", attributes(t, outer)["warren.outcome"])
	assert.Equal(t, "_OTHER", attributes(t, inner)["error.type"])
	assert.Empty(t, inner.Events(), "nobody has said that the text may be told")
}

// A handler that is tried without an executor has a span too, which cannot know the outcome.
func TestMiddlewareWithoutAnExecutor(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	h := tracing.Middleware(tracing.Config{Provider: provider})(returning(errBoom))
	require.Equal(t, errBoom, h.HandleTask(t.Context(), &tasks.Task{Key: "email"}))
	assert.NotContains(t, attributes(t, ended(t, recorder, 1)[0]), "warren.outcome")
	assert.Panics(t, func() {
		_ = tracing.Middleware(tracing.Config{Provider: provider})(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { panic(1) })).
			HandleTask(t.Context(), &tasks.Task{})
	})
	ended(t, recorder, 2)
}

// What a handler enqueues is a child of its run, without a word of the handler's.
func TestWhatAHandlerEnqueuesIsAChildOfItsRun(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	var to queue
	e := tracing.New(&to, tracing.Config{Provider: provider})
	executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
		_, err := e.Enqueue(ctx, tasks.Task{Key: "email.next"})
		return err
	}), tracing.Middleware(tracing.Config{Provider: provider})).Execute(t.Context(), &tasks.Task{Key: "email", TraceParent: givenParent})
	got := ended(t, recorder, 2)
	publish, run := got[0], got[1]
	assert.Equal(t, run.SpanContext().SpanID(), publish.Parent().SpanID())
	assert.Equal(t, givenTrace, publish.SpanContext().TraceID().String())
	assert.Equal(t, traceParent(publish.SpanContext()), to.tasks[0].TraceParent)
}

// Where nobody makes spans the handler sees the task itself, and its context the trace that it carries.
func TestMiddlewareWithoutSpans(t *testing.T) {
	t.Parallel()
	for name, parent := range map[string]string{"no trace": "", "a trace": givenParent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := tasks.Task{Key: "email", TraceParent: parent, PreviousAttempt: previousAttempt}
			d := executor(tasks.HandlerFunc(func(ctx context.Context, got *tasks.Task) error {
				assert.Same(t, &task, got)
				want := parent
				if want == "" {
					want = previousAttempt
				}
				assert.Equal(t, want, traceParent(trace.SpanContextFromContext(ctx)))
				return nil
			}), tracing.Middleware(tracing.Config{Provider: noop.NewTracerProvider()})).Execute(t.Context(), &task)
			assert.Equal(t, tasks.Decision{Action: tasks.Ack}, d, "nothing for the next run")
		})
	}
}

// A trace that its sampler drops is dropped as a whole, and has all its places.
func TestMiddlewareUnsampled(t *testing.T) {
	t.Parallel()
	provider, recorder := spans(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())))
	unsampled := "00-" + givenTrace + "-" + givenSpan + "-00"
	var told string
	d := executor(tasks.HandlerFunc(func(_ context.Context, got *tasks.Task) error { told = got.TraceParent; return errBoom }),
		tracing.Middleware(tracing.Config{Provider: provider})).Execute(t.Context(), &tasks.Task{Key: "email", TraceParent: unsampled, Attempt: 1})
	assert.Empty(t, recorder.Ended())
	assert.Regexp(t, "^00-"+givenTrace+"-[0-9a-f]{16}-00$", told)
	assert.NotEqual(t, unsampled, told)
	assert.Equal(t, told, d.TraceParent)
}
