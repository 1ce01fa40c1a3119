package tracing_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/warrenmq/warren/tasks"
)

var errBoom = errors.New("boom")

// spans makes a provider that keeps what it makes.
func spans(opts ...sdktrace.TracerProviderOption) (*sdktrace.TracerProvider, *tracetest.SpanRecorder) {
	recorder := tracetest.NewSpanRecorder()
	return sdktrace.NewTracerProvider(append(opts, sdktrace.WithSpanProcessor(recorder))...), recorder
}

// ended returns the spans that have ended, which are as many as are begun.
func ended(t *testing.T, recorder *tracetest.SpanRecorder, count int) []sdktrace.ReadOnlySpan {
	t.Helper()
	require.Len(t, recorder.Ended(), count)
	require.Len(t, recorder.Started(), count)
	return recorder.Ended()
}

// attributes returns a span's attributes, and fails where one is there twice.
func attributes(t *testing.T, span sdktrace.ReadOnlySpan) map[string]any {
	t.Helper()
	return values(t, span.Attributes())
}

func values(t *testing.T, of []attribute.KeyValue) map[string]any {
	t.Helper()
	values := map[string]any{}
	for _, a := range of {
		assert.NotContains(t, values, string(a.Key))
		values[string(a.Key)] = a.Value.AsInterface()
	}
	return values
}

// traceParent is a span's W3C traceparent.
func traceParent(span trace.SpanContext) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), span), carrier)
	return carrier["traceparent"]
}

// queue is a broker that keeps what it is given.
type queue struct {
	tasks    []tasks.Task
	contexts []trace.SpanContext
	err      error // of each task
}

func (q *queue) Enqueue(ctx context.Context, t tasks.Task) (string, error) {
	q.tasks, q.contexts = append(q.tasks, t), append(q.contexts, trace.SpanContextFromContext(ctx))
	if t.ID == "" {
		t.ID = "made"
	}
	return t.ID, q.err
}

func (q *queue) EnqueueMany(ctx context.Context, many []tasks.Task) []tasks.Enqueued {
	outcomes := make([]tasks.Enqueued, len(many))
	for i, t := range many {
		outcomes[i].ID, outcomes[i].Err = q.Enqueue(ctx, t)
	}
	return outcomes
}

func (q *queue) EnqueueAndWait(ctx context.Context, t tasks.Task, wait tasks.Wait) (tasks.Reply, error) {
	id, err := q.Enqueue(ctx, t)
	if err == nil && wait.Enqueued != nil {
		wait.Enqueued(id)
	}
	return tasks.Reply{ID: id, Body: []byte("done")}, err
}
