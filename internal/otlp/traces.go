package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/jonboulle/clockwork"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warrenmq/warren/internal/version"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/tracing"
)

// Traces has tasks traced. The nil one does not, and costs nothing.
type Traces struct {
	provider *sdktrace.TracerProvider
	client   *client
}

// Start returns what has tasks traced, nil where the environment does not want it; then nothing runs. The
// service is what spans are from, unless the environment names another. The error is [ErrInvalid].
// Close it after use.
//
// The SDK reads by itself, from the process's environment: OTEL_TRACES_SAMPLER and its argument,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME, OTEL_BSP_* and the limits of spans.
func Start(getenv func(string) (string, bool), service string, log *slog.Logger) (*Traces, error) {
	env := environment(getenv)
	wanted, err := env.wanted()
	if err != nil || !wanted {
		return nil, err
	}
	s, err := env.settings()
	if err != nil {
		return nil, err
	}
	from, err := origin(service)
	if err != nil {
		return nil, fmt.Errorf("%w: OTEL_RESOURCE_ATTRIBUTES: %w", ErrInvalid, err)
	}
	c := newClient(s, clockwork.NewRealClock(), log)
	exporter, err := otlptrace.New(context.Background(), c)
	if err != nil {
		return nil, err
	}
	log.Info("traces are exported", "to", c.address())
	return &Traces{
		client:   c,
		provider: sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(from)),
	}, nil
}

// origin is what the spans are from; what the environment says of it counts for more.
func origin(service string) (*resource.Resource, error) {
	host, _ := os.Hostname() // only a label
	return resource.New(context.Background(),
		resource.WithAttributes(
			attribute.String("service.name", service),
			attribute.String("service.version", version.Text()),
			attribute.String("service.instance.id", fmt.Sprintf("%s:%d", host, os.Getpid())),
			attribute.String("host.name", host),
		),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
}

// Middleware returns what makes spans of runs; it belongs outside of all other middleware.
func (t *Traces) Middleware() []tasks.Middleware {
	if t == nil {
		return nil
	}
	return []tasks.Middleware{tracing.Middleware(tracing.Config{Provider: t.provider})}
}

// Before makes spans of what an enqueuer publishes to an exchange.
func (t *Traces) Before(next tracing.Next, exchange string) tracing.Next {
	if t == nil {
		return next
	}
	return tracing.New(next, tracing.Config{Provider: t.provider, Exchange: exchange})
}

// BeforeWaiter makes spans of what is published to an exchange and waited for.
func (t *Traces) BeforeWaiter(next tasks.Waiter, exchange string) tasks.Waiter {
	if t == nil {
		return next
	}
	return tracing.NewWaiter(next, tracing.Config{Provider: t.provider, Exchange: exchange})
}

// Close exports the spans that wait and blocks until that is done, or ctx is: then what is left is
// lost, as is what a collector does not take at once. It returns when its goroutines are gone.
func (t *Traces) Close(ctx context.Context) {
	if t == nil {
		return
	}
	t.client.hurry()
	defer context.AfterFunc(ctx, t.client.abort)()
	_ = t.provider.Shutdown(context.WithoutCancel(ctx)) // each upload ends with abort, and none has an error
}
