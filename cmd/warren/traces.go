package main

import (
	"context"
	"time"

	"github.com/warrenmq/warren/internal/otlp"
	"github.com/warrenmq/warren/tracing"
)

// traces returns what makes spans of what is published, nil where the environment does not want it, and
// a context in the trace of whoever runs the program: TRACEPARENT and TRACESTATE, as a worker tells them
// to the programs that it runs.
func (c *cli) traces(ctx context.Context) (*otlp.Traces, context.Context, error) {
	log, err := c.log()
	if err != nil {
		return nil, ctx, err
	}
	traces, err := otlp.Start(c.getenv, "warren", log)
	if err != nil {
		return nil, ctx, err
	}
	parent, _ := c.getenv("TRACEPARENT")
	state, _ := c.getenv("TRACESTATE")
	return traces, tracing.ContextWithParent(ctx, parent, state), nil
}

// flushTimeout is how long a command that is done waits for its spans to be exported.
const flushTimeout = 2 * time.Second

func flush(traces *otlp.Traces) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	traces.Close(ctx)
}
