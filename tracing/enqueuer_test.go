package tracing_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/tracing"
)

func TestSpanOfAPublish(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	var to queue
	ctx, caller := provider.Tracer("").Start(t.Context(), "request")
	id, err := tracing.New(&to, tracing.Config{Provider: provider, Exchange: "warren.strict"}).Enqueue(ctx, tasks.Task{
		Key: "email.welcome", Payload: []byte(`{"password":1}`), Priority: 7, CorrelationID: "c-1", ReplyTo: "r",
		NotBefore: time.Date(2026, 11, 22, 6, 0, 5, 25e6, time.FixedZone("", 3600)),
		Schedule:  "daily", ScheduledFor: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC),
		BatchID: "import", BatchIndex: 2, BatchTotal: 3,
	})
	require.NoError(t, err)
	assert.Equal(t, "made", id)
	caller.End()

	span := ended(t, recorder, 2)[0]
	assert.Equal(t, "publish warren.strict:email.welcome", span.Name())
	assert.Equal(t, trace.SpanKindProducer, span.SpanKind())
	assert.Equal(t, "github.com/warrenmq/warren/tracing", span.InstrumentationScope().Name)
	assert.Equal(t, "https://opentelemetry.io/schemas/1.44.0", span.InstrumentationScope().SchemaURL)
	assert.Equal(t, map[string]any{
		"messaging.system": "rabbitmq", "messaging.operation.name": "publish", "messaging.operation.type": "send",
		"messaging.destination.name":                 "warren.strict:email.welcome",
		"messaging.rabbitmq.destination.routing_key": "email.welcome",
		"messaging.message.id":                       "made", "messaging.message.conversation_id": "c-1", "messaging.message.body.size": int64(14),
		"warren.priority": int64(7), "warren.not_before": "2026-11-22T05:00:05.025Z",
		"warren.schedule": "daily", "warren.scheduled_for": "2026-11-22T06:00:00Z",
		"warren.batch": "import", "warren.batch_index": int64(2), "warren.batch_total": int64(3),
	}, attributes(t, span))
	assert.Equal(t, caller.SpanContext().SpanID(), span.Parent().SpanID())
	assert.Empty(t, span.Links())
	assert.Equal(t, codes.Unset, span.Status().Code)
	assert.Equal(t, traceParent(span.SpanContext()), to.tasks[0].TraceParent)
	assert.Equal(t, span.SpanContext(), to.contexts[0], "the next one sees the span")
}

func TestSpanOfABarePublish(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	_, err := tracing.New(&queue{}, tracing.Config{Provider: provider}).Enqueue(t.Context(), tasks.Task{Key: "email", ID: "id-1"})
	require.NoError(t, err)
	span := ended(t, recorder, 1)[0]
	assert.Equal(t, "publish email", span.Name())
	assert.False(t, span.Parent().IsValid(), "a root of its own")
	assert.Equal(t, map[string]any{
		"messaging.system": "rabbitmq", "messaging.operation.name": "publish", "messaging.operation.type": "send",
		"messaging.destination.name": "email", "messaging.rabbitmq.destination.routing_key": "email",
		"messaging.message.id": "id-1", "messaging.message.body.size": int64(0),
	}, attributes(t, span))
}

func TestSpanOfAPublishThatFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"invalid":  {fmt.Errorf("%w: priority", tasks.ErrInvalidTask), "invalid"},
		"too late": {fmt.Errorf("publish: %w", context.DeadlineExceeded), "timeout"},
		"given up": {context.Canceled, "canceled"},
		"other":    {errBoom, "_OTHER"},
		"a type":   {fmt.Errorf("publish: %w", &tasks.RemoteError{}), "*tasks.RemoteError"},
		"joined":   {fmt.Errorf("%w: %w", errBoom, &tasks.RemoteError{}), "_OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider, recorder := spans()
			_, err := tracing.New(&queue{err: tt.err}, tracing.Config{Provider: provider}).Enqueue(t.Context(), tasks.Task{Key: "email"})
			require.Equal(t, tt.err, err)
			span := ended(t, recorder, 1)[0]
			assert.Equal(t, sdktrace.Status{Code: codes.Error, Description: err.Error()}, span.Status())
			assert.Equal(t, tt.want, attributes(t, span)["error.type"])
			assert.Equal(t, "made", attributes(t, span)["messaging.message.id"])
			require.Len(t, span.Events(), 1)
			assert.Equal(t, "exception", span.Events()[0].Name)
			assert.Equal(t, map[string]any{"exception.type": tt.want, "exception.message": err.Error()}, values(t, span.Events()[0].Attributes))
		})
	}
}

const (
	givenParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	givenTrace  = "0af7651916cd43dd8448eb211c80319c"
	givenSpan   = "b7ad6b7169203331"
)

// What a caller has the task carry goes on: the publish is no more than linked to it.
func TestPublishKeepsTheTraceThatIsGiven(t *testing.T) {
	t.Parallel()
	for name, within := range map[string]bool{"alone": false, "within another span": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider, recorder := spans()
			ctx, caller := provider.Tracer("").Start(t.Context(), "request")
			if !within {
				ctx = t.Context()
			}
			var to queue
			_, err := tracing.New(&to, tracing.Config{Provider: provider}).Enqueue(ctx, tasks.Task{Key: "email", TraceParent: givenParent, TraceState: "a=1"})
			require.NoError(t, err)
			caller.End()
			span := ended(t, recorder, 2)[0]
			assert.Equal(t, trace.SpanKindClient, span.SpanKind())
			assert.Equal(t, givenParent, to.tasks[0].TraceParent)
			assert.Equal(t, "a=1", to.tasks[0].TraceState)
			require.Len(t, span.Links(), 1)
			assert.Equal(t, givenSpan, span.Links()[0].SpanContext.SpanID().String())
			if within {
				assert.Equal(t, caller.SpanContext().SpanID(), span.Parent().SpanID())
			} else {
				assert.Equal(t, givenSpan, span.Parent().SpanID().String())
			}
		})
	}
}

func TestPublishReplacesATraceThatCannotBeRead(t *testing.T) {
	t.Parallel()
	provider, recorder := spans(sdktrace.WithSampler(sdktrace.AlwaysSample()))
	rapid.Check(t, func(t *rapid.T) {
		recorder.Reset()
		given := rapid.OneOf(rapid.String(), rapid.StringMatching(`0[0-9]-[0-9a-f]{31,32}-[0-9a-f]{16}-0[0-9a-f]?`)).Draw(t, "traceparent")
		var to queue
		_, err := tracing.New(&to, tracing.Config{Provider: provider}).Enqueue(context.Background(), tasks.Task{
			Key: "email", TraceParent: given, TraceState: rapid.String().Draw(t, "tracestate"),
		})
		require.NoError(t, err)
		span := recorder.Ended()[0]
		if span.SpanKind() == trace.SpanKindClient {
			require.Equal(t, given, to.tasks[0].TraceParent)
			return
		}
		require.Equal(t, traceParent(span.SpanContext()), to.tasks[0].TraceParent)
	})
}

func TestSpansOfManyPublishes(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	var to queue
	many := []tasks.Task{{Key: "email", ID: "a", Payload: []byte("12")}, {Key: "email"}, {Key: "email", ID: "c", TraceParent: givenParent}}
	outcomes := tracing.New(&to, tracing.Config{Provider: provider, Exchange: "warren.tasks"}).EnqueueMany(t.Context(), many)
	require.Len(t, outcomes, 3)
	assert.Empty(t, many[0].TraceParent, "the caller's own")

	got := ended(t, recorder, 3)
	publish := got[2]
	assert.Equal(t, "publish warren.tasks:email", publish.Name())
	assert.Equal(t, trace.SpanKindClient, publish.SpanKind())
	assert.Equal(t, map[string]any{
		"messaging.system": "rabbitmq", "messaging.operation.name": "publish", "messaging.operation.type": "send",
		"messaging.destination.name": "warren.tasks:email", "messaging.rabbitmq.destination.routing_key": "email",
		"messaging.batch.message_count": int64(3),
	}, attributes(t, publish))
	for i, create := range got[:2] {
		assert.Equal(t, "create warren.tasks:email", create.Name())
		assert.Equal(t, trace.SpanKindProducer, create.SpanKind())
		assert.Equal(t, publish.SpanContext().SpanID(), create.Parent().SpanID())
		assert.Equal(t, traceParent(create.SpanContext()), to.tasks[i].TraceParent)
		assert.Equal(t, to.tasks[i].ID, attributes(t, create)["messaging.message.id"])
	}
	assert.Equal(t, map[string]any{
		"messaging.system": "rabbitmq", "messaging.operation.name": "create", "messaging.operation.type": "create",
		"messaging.destination.name": "warren.tasks:email", "messaging.rabbitmq.destination.routing_key": "email",
		"messaging.message.id": "a", "messaging.message.body.size": int64(2),
	}, attributes(t, got[0]))
	assert.NotEmpty(t, outcomes[1].ID)
	assert.Equal(t, givenParent, to.tasks[2].TraceParent)
}

func TestSpansOfManyPublishesThatFail(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	outcomes := tracing.New(&queue{err: errBoom}, tracing.Config{Provider: provider}).EnqueueMany(t.Context(), []tasks.Task{{Key: "a"}, {Key: "b"}})
	require.Len(t, outcomes, 2)
	publish := ended(t, recorder, 3)[2]
	assert.Equal(t, "publish", publish.Name(), "keys that differ")
	assert.Equal(t, "2 of 2 tasks were not published; the first: boom", publish.Status().Description)
	assert.Empty(t, tracing.New(&queue{}, tracing.Config{Provider: provider}).EnqueueMany(t.Context(), nil))
	ended(t, recorder, 3)
}

// The span of a publish that is waited for is over when the task is confirmed.
func TestSpanOfAPublishThatIsWaitedFor(t *testing.T) {
	t.Parallel()
	provider, recorder := spans()
	var to queue
	w := tracing.NewWaiter(&to, tracing.Config{Provider: provider, Exchange: "warren.strict"})
	told := ""
	reply, err := w.EnqueueAndWait(t.Context(), tasks.Task{Key: "email"}, tasks.Wait{Enqueued: func(id string) {
		told = id
		ended(t, recorder, 1)
	}})
	require.NoError(t, err)
	assert.Equal(t, "done", string(reply.Body))
	assert.Equal(t, "made", told)
	span := ended(t, recorder, 1)[0]
	assert.Equal(t, "publish warren.strict:email", span.Name())
	assert.Equal(t, traceParent(span.SpanContext()), to.tasks[0].TraceParent)

	to.err = errBoom
	_, err = w.EnqueueAndWait(t.Context(), tasks.Task{Key: "email"}, tasks.Wait{})
	require.Equal(t, errBoom, err)
	assert.Equal(t, codes.Error, ended(t, recorder, 2)[1].Status().Code)
	to.err = nil
	_, err = w.EnqueueAndWait(t.Context(), tasks.Task{Key: "email"}, tasks.Wait{})
	require.NoError(t, err)
	ended(t, recorder, 3)
}

// Where spans are not made, or not kept, the trace goes on all the same.
func TestPublishWithoutSpansPassesOnTheTrace(t *testing.T) {
	t.Parallel()
	unsampled, recorder := spans(sdktrace.WithSampler(sdktrace.NeverSample()))
	within := tracing.ContextWithParent(t.Context(), givenParent, "a=1")
	for name, tt := range map[string]struct {
		provider trace.TracerProvider
		ctx      context.Context
		want     string // as a pattern
	}{
		"nobody, none":        {noop.NewTracerProvider(), t.Context(), `^$`},
		"nobody, within one":  {noop.NewTracerProvider(), within, "^" + givenParent + "$"},
		"unsampled":           {unsampled, t.Context(), `^00-[0-9a-f]{32}-[0-9a-f]{16}-0[02]$`},
		"unsampled, within":   {unsampled, within, `^00-` + givenTrace + `-[0-9a-f]{16}-0[02]$`},
		"unreadable, so none": {noop.NewTracerProvider(), tracing.ContextWithParent(t.Context(), "00-0-0-01", ""), `^$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var to queue
			e := tracing.New(&to, tracing.Config{Provider: tt.provider})
			_, err := e.Enqueue(tt.ctx, tasks.Task{Key: "email"})
			require.NoError(t, err)
			require.NoError(t, e.EnqueueMany(tt.ctx, []tasks.Task{{Key: "email"}})[0].Err)
			for _, task := range to.tasks {
				assert.Regexp(t, tt.want, task.TraceParent)
			}
		})
	}
	assert.Empty(t, recorder.Ended())
}
