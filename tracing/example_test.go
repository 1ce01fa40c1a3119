package tracing_test

import (
	"context"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/tracing"
)

// A task is published, and run by an executor, as a worker does; the run is a child of the publish.
func Example() {
	config := tracing.Config{Provider: sdktrace.NewTracerProvider(), Exchange: "warren.strict"}
	welcome := tasks.Define[string]("email.welcome")

	var to queue // a broker.Client
	if _, err := welcome.Enqueue(context.Background(), tracing.New(&to, config), "eve"); err != nil {
		fmt.Println(err)
	}

	mux := tasks.NewMux()
	welcome.Handle(mux, func(ctx context.Context, name string) error {
		fmt.Println(name, trace.SpanContextFromContext(ctx).TraceID() == to.contexts[0].TraceID())
		return nil
	})
	executor := tasks.Executor{Handler: tasks.Chain(mux, tracing.Middleware(config))}
	executor.Execute(context.Background(), &to.tasks[0])
	// Output: eve true
}
