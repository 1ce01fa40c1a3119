package tracing

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/warrenmq/warren/tasks"
)

// Middleware makes a span of each run, which is over when it has been decided what becomes of the task
// and tells that. Its parent is the span that published the task; of a task that came without a trace it
// is the span of the run before, if there was one, so that all its runs are in one trace. It links to the
// span of the run before. A run that is not sampled has its place in the trace all the same.
//
// The handler's context carries the span, and so does the task that the handler sees: TraceParent and
// TraceState are those of the run, which programs and web services are told too.
//
// It belongs outside of all other middleware: what stands outside of it is not in the span. The error
// that a span tells is the one that a dead letter would, sealed where the task is encrypted, wherever it
// stands. Without a provider that makes spans it only passes on the context that the task carries.
func Middleware(config Config) tasks.Middleware {
	tracer := config.tracer()
	return func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
			parent, previous := read(t.TraceParent, t.TraceState), read(t.PreviousAttempt, "")
			if !parent.IsValid() {
				parent = previous
			}
			if parent.IsValid() {
				ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
			}
			spanned, span := startRun(ctx, tracer, t, linkTo(previous))
			if own := span.SpanContext().SpanID(); own == trace.SpanContextFromContext(ctx).SpanID() { // nobody traces
				return next.HandleTask(ctx, t)
			}
			traced := *t
			carry(spanned, &traced)
			r := run{span: span, task: t}
			return r.handle(tasks.ContextWithTask(spanned, &traced), next, &traced)
		})
	}
}

// startRun begins the span of a run.
func startRun(ctx context.Context, tracer trace.Tracer, t *tasks.Task, links []trace.Link) (context.Context, trace.Span) {
	from := destination("", t.Key, t.Queue)
	ctx, span := tracer.Start(ctx, spanName(operationProcess, from),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...),
		trace.WithAttributes(system, keyOperationName.String(operationProcess), keyOperationType.String(operationProcess),
			keyDestination.String(from), keyRoutingKey.String(valid(t.Key))))
	if span.IsRecording() {
		span.SetAttributes(runAttributes(t, time.Now())...)
	}
	return ctx, span
}

// run is one run and its span.
type run struct {
	span     trace.Span
	task     *tasks.Task
	returned bool
}

// handle runs the handler. The span is over when the executor has decided, or here where there is none
// that would tell.
func (r *run) handle(ctx context.Context, next tasks.Handler, traced *tasks.Task) (err error) {
	if !tasks.TraceRun(ctx, tasks.RunTrace{TraceParent: traced.TraceParent, Decided: r.decided}) {
		defer func() {
			if err != nil {
				r.span.SetAttributes(keyErrorType.String(errorType(err))) // its text may be one to be sealed
			}
			r.span.End()
		}()
	}
	err = next.HandleTask(ctx, traced)
	r.returned = true
	return err
}

// errNotReturned is a handler that ended its goroutine, which the worker decides about.
var errNotReturned = errors.New("the handler ended its goroutine")

// decided ends the span with what was decided about the task.
func (r *run) decided(d tasks.Decision) {
	defer r.span.End()
	if !r.span.IsRecording() {
		return
	}
	if d.Action == tasks.Requeue && !r.returned {
		fail(r.span, tasks.ErrPanic, errNotReturned.Error())
		return
	}
	e := tasks.EventOf(r.task, d)
	r.span.SetAttributes(keyOutcome.String(string(e.Kind)))
	if e.Reason != "" {
		r.span.SetAttributes(keyReason.String(string(e.Reason)))
	}
	if d.Action == tasks.Retry {
		r.span.SetAttributes(keyRetryIn.Int64(d.After.Milliseconds()))
	}
	if e.Err != nil && e.Kind != tasks.EventRevoked {
		fail(r.span, e.Err, e.ErrorText())
	}
}
