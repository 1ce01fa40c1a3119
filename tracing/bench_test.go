package tracing_test

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/tracing"
)

// providers are those that a program may have: none (no tracing at all), one that makes no spans, and
// one whose spans go nowhere.
func providers() map[string]trace.TracerProvider {
	return map[string]trace.TracerProvider{
		"none": nil, "noop": noop.NewTracerProvider(),
		"sdk": sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(sdktrace.NewSimpleSpanProcessor(tracetest.NewNoopExporter()))),
	}
}

type nowhere struct{}

func (nowhere) Enqueue(context.Context, tasks.Task) (string, error)        { return "id", nil }
func (nowhere) EnqueueMany(context.Context, []tasks.Task) []tasks.Enqueued { return nil }

func BenchmarkEnqueue(b *testing.B) {
	for name, provider := range providers() {
		b.Run(name, func(b *testing.B) {
			var to tracing.Next = nowhere{}
			if provider != nil {
				to = tracing.New(to, tracing.Config{Provider: provider, Exchange: "warren.strict"})
			}
			task := tasks.Task{Key: "email.welcome", Payload: []byte("{}")}
			b.ReportAllocs()
			for b.Loop() {
				_, _ = to.Enqueue(b.Context(), task)
			}
		})
	}
}

func BenchmarkRun(b *testing.B) {
	for name, provider := range providers() {
		b.Run(name, func(b *testing.B) {
			var chain []tasks.Middleware
			if provider != nil {
				chain = append(chain, tracing.Middleware(tracing.Config{Provider: provider}))
			}
			e := executor(returning(nil), chain...).WithDefaults()
			task := tasks.Task{ID: "id", Key: "email.welcome", Queue: "email", Attempt: 1, Payload: []byte("{}")}
			b.ReportAllocs()
			for b.Loop() {
				e.Execute(b.Context(), &task)
			}
		})
	}
}
