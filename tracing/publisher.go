package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/warrenmq/warren/tasks"
)

// publisher makes the spans of publishes.
type publisher struct {
	tracer   trace.Tracer
	exchange string
}

func newPublisher(c Config) publisher { return publisher{tracer: c.tracer(), exchange: c.Exchange} }

// publish begins the span of one task's publish, and has the task carry its context.
func (p *publisher) publish(ctx context.Context, t *tasks.Task) (context.Context, trace.Span) {
	given := read(t.TraceParent, t.TraceState)
	kind := trace.SpanKindProducer
	if given.IsValid() { // the conventions have it left as it is, and then this is no producer's span
		kind = trace.SpanKindClient
		if !trace.SpanContextFromContext(ctx).IsValid() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, given)
		}
	}
	ctx, span := p.start(ctx, kind, operationPublish, typeSend, t.Key, linkTo(given))
	if !given.IsValid() {
		carry(ctx, t)
	}
	if span.IsRecording() {
		span.SetAttributes(taskAttributes(t)...)
	}
	return ctx, span
}

// create makes the span of one of many tasks that are published together, and has the task carry its
// context. The span is over at once, so that none is held while the others are published.
func (p *publisher) create(ctx context.Context, t *tasks.Task) {
	if read(t.TraceParent, t.TraceState).IsValid() {
		return
	}
	ctx, span := p.start(ctx, trace.SpanKindProducer, operationCreate, operationCreate, t.Key, nil)
	defer span.End()
	carry(ctx, t)
	if span.IsRecording() {
		if t.ID == "" {
			t.ID = tasks.NewID() // as it is given one a moment later
		}
		span.SetAttributes(taskAttributes(t)...)
	}
}

func (p *publisher) start(
	ctx context.Context, kind trace.SpanKind, operation, operationType, key string, links []trace.Link,
) (context.Context, trace.Span) {
	to := destination(p.exchange, key, "")
	attributes := make([]attribute.KeyValue, 3, 5)
	attributes[0], attributes[1], attributes[2] = system, keyOperationName.String(operation), keyOperationType.String(operationType)
	if to != "" {
		attributes = append(attributes, keyDestination.String(to))
	}
	if key != "" {
		attributes = append(attributes, keyRoutingKey.String(valid(key)))
	}
	return p.tracer.Start(ctx, spanName(operation, to),
		trace.WithSpanKind(kind), trace.WithAttributes(attributes...), trace.WithLinks(links...))
}

// carry has a task carry the context of ctx's span, if there is one.
func carry(ctx context.Context, t *tasks.Task) {
	if c := contextOf(ctx); c.parent != "" {
		t.TraceParent, t.TraceState = c.parent, c.state
	}
}

// linkTo returns a link to a span, none where there is no such.
func linkTo(to trace.SpanContext) []trace.Link {
	if !to.IsValid() {
		return nil
	}
	return []trace.Link{{SpanContext: to}}
}

// end ends the span of a publish.
func end(span trace.Span, id string, err error) {
	if span.IsRecording() {
		if id != "" {
			span.SetAttributes(keyMessageID.String(valid(id)))
		}
		if err != nil {
			fail(span, err, text(err))
		}
	}
	span.End()
}

func text(err error) string { return tasks.ErrorText(err, tasks.MaxErrorBytes) }
