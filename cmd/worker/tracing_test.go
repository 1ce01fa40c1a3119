//go:build integration

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/internal/otlptest"
	"github.com/warrenmq/warren/tasks"
)

// By one variable of the environment a worker's runs are spans at the collector once it has stopped,
// in the trace that their tasks carry; a program and a web service are told of the run's own span.
func TestTracesByEnvironment(t *testing.T) {
	t.Parallel()
	vhost, collector := brokertest.NewVhost(t), otlptest.New(t)
	told := make(chan string, 10)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told <- r.Header.Get("Traceparent") + " " + r.Header.Get("Tracestate")
	}))
	defer service.Close()
	out := filepath.Join(t.TempDir(), "out")
	path := file(t, `
queues:
  email:
    routes: ["email.#"]
    handlers:
      "email.exec": {exec: [sh, -c, 'echo "$TRACEPARENT" >> "$0"; test "$WARREN_ATTEMPT" = 2', "`+out+`"]}
      "email.http": {http: {url: "`+service.URL+`"}}
    retry: {initial: 200ms}
`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	exited := make(chan int, 1)
	environment := map[string]string{"WARREN_URL": vhost.URL, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL}
	go func() {
		exited <- newDaemon().Run(ctx, []string{"-c", path}, t.Output(), t.Output(), func(name string) (string, bool) {
			value, set := environment[name]
			return value, set
		})
	}()
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{vhost.URL}})
	require.NoError(t, err)
	defer client.Close()
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for _, key := range []string{"email.exec", "email.http"} {
		require.Eventually(t, func() bool {
			_, err := client.Enqueue(ctx, tasks.Task{Key: key, TraceParent: "00-" + trace + "-" + parent + "-01", TraceState: "a=1"})
			return err == nil
		}, patience, 10*time.Millisecond, "the worker has declared its queue")
	}
	posted := <-told
	var programs []string
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(out) // none yet
		programs = strings.Fields(string(text))
		return len(programs) == 2
	}, patience, 10*time.Millisecond, "it is tried again")
	stop()
	require.Equal(t, daemon.ExitDone, <-exited)

	runs := map[string][]otlptest.Span{}
	for _, span := range collector.Spans() {
		runs[span.Name] = append(runs[span.Name], span)
		assert.Equal(t, tracepb.Span_SPAN_KIND_CONSUMER, span.Kind)
		assert.Contains(t, span.TraceParent(), trace)
		assert.Contains(t, otlptest.Span{Span: &tracepb.Span{TraceId: span.TraceId, SpanId: span.ParentSpanId}}.TraceParent(), parent)
		assert.Equal(t, "warren-worker", span.Resource["service.name"])
	}
	require.Len(t, runs["process email.http:email"], 1)
	assert.Equal(t, runs["process email.http:email"][0].TraceParent()+" a=1", posted)
	attempts := runs["process email.exec:email"]
	require.Len(t, attempts, 2)
	assert.Equal(t, []string{attempts[0].TraceParent(), attempts[1].TraceParent()}, programs)
	assert.Equal(t, "retried", attempts[0].Attribute("warren.outcome"))
	assert.Equal(t, "exit status 1", attempts[0].Status.GetMessage())
	assert.Equal(t, "succeeded", attempts[1].Attribute("warren.outcome"))
	require.Len(t, attempts[1].Links, 1)
	assert.Equal(t, attempts[0].SpanId, attempts[1].Links[0].SpanId)
}
