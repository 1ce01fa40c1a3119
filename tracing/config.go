package tracing

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
)

// scopeName names what made the spans, and schemaURL the conventions that their names follow.
const (
	scopeName = "github.com/warrenmq/warren/tracing"
	schemaURL = "https://opentelemetry.io/schemas/1.44.0"
)

// Config is how spans are made.
type Config struct {
	// Provider makes the spans. Defaults to the global one, otel.GetTracerProvider().
	Provider trace.TracerProvider
	// Exchange is what tasks are published to, as the spans of publishes name it: routing.Names.Strict of
	// a broker.Client, routing.Names.Tasks of its public entrance. Defaults to not being named.
	Exchange string
}

func (c Config) tracer() trace.Tracer {
	if c.Provider == nil {
		c.Provider = otel.GetTracerProvider()
	}
	return c.Provider.Tracer(scopeName, trace.WithSchemaURL(schemaURL))
}
