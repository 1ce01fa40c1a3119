//go:build integration

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/otlptest"
)

// The span of an enqueue is at the collector when the command has ended, in the trace of whoever runs
// it, and the task carries its context.
func TestEnqueueTraced(t *testing.T) {
	t.Parallel()
	s, collector := newSite(t), otlptest.New(t)
	s.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.URL
	s.variables["TRACEPARENT"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	o := s.run("enqueue", "email.welcome", "--id", "my-id")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Empty(t, o.stderr)
	spans := collector.Spans()
	require.Len(t, spans, 1)
	assert.Equal(t, "publish warren.strict:email.welcome", spans[0].Name)
	assert.Equal(t, "my-id", spans[0].Attribute("messaging.message.id"))
	assert.Equal(t, "warren", spans[0].Resource["service.name"])
	assert.Contains(t, spans[0].TraceParent(), "00-0af7651916cd43dd8448eb211c80319c-")
	assert.Equal(t, []byte{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}, spans[0].ParentSpanId)
	assert.Equal(t, spans[0].TraceParent(), s.take("email").Headers["traceparent"])
}

func TestEnqueueWhereTheCollectorIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
	o := s.run("enqueue", "email.welcome")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.NotEmpty(t, s.take("email").Headers["traceparent"])
}

func TestEnqueueByAnOTLPThatIsNotSpoken(t *testing.T) {
	t.Parallel()
	e := environment{variables: map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
	}}
	o := e.run(t.Context(), "enqueue", "email.welcome")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not supported, only http/protobuf is")
}
