package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/warrenmq/warren/tasks"
)

// traceContext is a W3C trace context as a task carries it.
type traceContext struct{ parent, state string }

var _ propagation.TextMapCarrier = (*traceContext)(nil)

// Get returns the value of a header.
func (c *traceContext) Get(header string) string {
	switch header {
	case tasks.HeaderTraceParent:
		return c.parent
	case tasks.HeaderTraceState:
		return c.state
	default:
		return ""
	}
}

// Set sets a header.
func (c *traceContext) Set(header, value string) {
	switch header {
	case tasks.HeaderTraceParent:
		c.parent = value
	case tasks.HeaderTraceState:
		c.state = value
	}
}

// Keys names the headers.
func (c *traceContext) Keys() []string {
	return []string{tasks.HeaderTraceParent, tasks.HeaderTraceState}
}

// contextOf returns the W3C trace context of ctx's span, empty where it has none.
func contextOf(ctx context.Context) (c traceContext) {
	propagation.TraceContext{}.Inject(ctx, &c)
	return c
}

// read returns the span that a W3C trace context names, an invalid one where it cannot be read.
func read(parent, state string) trace.SpanContext {
	if parent == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), &traceContext{parent, state})
	return trace.SpanContextFromContext(ctx)
}

// ContextWithParent returns a context whose spans, unless there is another between, are children of the
// one that a W3C trace context names, such as that of a request: a traceparent, and a tracestate that may
// be empty. What cannot be read leaves ctx as it is.
func ContextWithParent(ctx context.Context, traceParent, traceState string) context.Context {
	if parent := read(traceParent, traceState); parent.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	return ctx
}
