package otlp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/warrenmq/warren/internal/otlptest"
	"github.com/warrenmq/warren/tasks"
)

type nowhere struct{}

func (nowhere) Enqueue(context.Context, tasks.Task) (string, error)        { return "id-1", nil }
func (nowhere) EnqueueMany(context.Context, []tasks.Task) []tasks.Enqueued { return nil }

// What is published and run is at the collector when Close has returned, with where it is from.
func TestTracesReachTheCollector(t *testing.T) {
	t.Parallel()
	c := otlptest.New(t)
	traces, err := Start(of(endpoint, c.URL, "OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cret"),
		"warren-worker", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, err = traces.Before(nowhere{}, "warren.strict").Enqueue(t.Context(), tasks.Task{Key: "email"})
	require.NoError(t, err)
	h := tasks.Chain(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { return nil }), traces.Middleware()...)
	(&tasks.Executor{Handler: h}).Execute(t.Context(), &tasks.Task{Key: "email", Queue: "mail"})
	traces.Close(t.Context())

	require.NotEmpty(t, c.Spans())
	var names []string
	for _, span := range c.Spans() {
		names = append(names, span.Name)
	}
	assert.Equal(t, []string{"publish warren.strict:email", "process email:mail"}, names)
	from := c.Spans()[0].Resource
	assert.Equal(t, "warren-worker", from["service.name"])
	assert.NotEmpty(t, from["service.version"])
	assert.NotEmpty(t, from["service.instance.id"])
	assert.Equal(t, "go", from["telemetry.sdk.language"])
	assert.Equal(t, "s3cret", c.Header().Get("Api-Key"))
	assert.Equal(t, "application/x-protobuf", c.Header().Get("Content-Type"))
}

// A foreign message that is no UTF-8 does not keep the spans beside its own from being exported.
func TestTracesOfWhatIsNoUTF8(t *testing.T) {
	t.Parallel()
	c := otlptest.New(t)
	traces, err := Start(of(endpoint, c.URL), "warren-worker", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	const odd = "\xff"
	task := tasks.Task{Key: odd, Queue: "mail", ID: odd, CorrelationID: odd, Schedule: odd, BatchID: odd}
	h := tasks.Chain(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { return errors.New(odd) }), traces.Middleware()...)
	(&tasks.Executor{Handler: h}).Execute(t.Context(), &task)
	_, err = traces.Before(nowhere{}, "warren.strict").Enqueue(t.Context(), task)
	require.NoError(t, err)
	traces.Close(t.Context())

	require.Len(t, c.Spans(), 2)
	assert.Equal(t, "process \uFFFD:mail", c.Spans()[0].Name)
	assert.Equal(t, "publish warren.strict:\uFFFD", c.Spans()[1].Name)
}

// batchOf returns a batch of some spans.
func batchOf(count int) []*tracepb.ResourceSpans {
	return []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: make([]*tracepb.Span, count)}}}}
}

// withClock makes a client of a collector.
func withClock(t *testing.T, url string) (*client, *clockwork.FakeClock, *bytes.Buffer) {
	t.Helper()
	s, err := of(ownEndpoint, strings.Replace(url, "http://", "http://user:s3cret@", 1)+"/v1/traces?token=s3cret").settings()
	require.NoError(t, err)
	clock, log := clockwork.NewFakeClock(), &bytes.Buffer{}
	c := newClient(s, clock, slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { assert.NoError(t, c.Stop(context.Background())) })
	return c, clock, log
}

// A collector that is busy is asked again, and told of once, however often it is.
func TestBatchIsSentAgainWhileTheCollectorIsBusy(t *testing.T) {
	t.Parallel()
	to := otlptest.New(t, 503, 429, 502, 504)
	c, clock, log := withClock(t, to.URL)
	done := make(chan error)
	go func() { done <- c.UploadTraces(t.Context(), batchOf(2)) }()
	for range 4 {
		<-to.Answered
		require.NoError(t, clock.BlockUntilContext(t.Context(), 1))
		assert.Empty(t, to.Spans())
		clock.Advance(backoffMax)
	}
	require.NoError(t, <-done)
	assert.Len(t, to.Spans(), 2)
	assert.Equal(t, 1, strings.Count(log.String(), "traces are not exported"), log)
	assert.Contains(t, log.String(), "status 503 Service Unavailable")
	assert.Equal(t, 1, strings.Count(log.String(), "traces are exported again"), log)
	assert.Contains(t, log.String(), "lost_spans=0")
	assert.NotContains(t, log.String(), "s3cret")
}

// A batch that is refused, or whose time is over, is lost and counted, and told of once.
func TestBatchesThatAreLostAreCounted(t *testing.T) {
	t.Parallel()
	to := otlptest.New(t, 400, 401, 503)
	c, clock, log := withClock(t, to.URL)
	require.NoError(t, c.UploadTraces(t.Context(), batchOf(1)))
	require.NoError(t, c.UploadTraces(t.Context(), batchOf(2)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.UploadTraces(ctx, batchOf(4)) }()
	require.NoError(t, clock.BlockUntilContext(t.Context(), 1))
	cancel()
	require.NoError(t, <-done)
	assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log)
	require.NoError(t, c.UploadTraces(t.Context(), batchOf(8)))
	assert.Contains(t, log.String(), "lost_spans=7")
	assert.Len(t, to.Spans(), 8)
}

// At the end a collector that cannot be reached is not tried again.
func TestCloseDoesNotTryAgain(t *testing.T) {
	t.Parallel()
	to := otlptest.New(t, 503)
	var log bytes.Buffer
	traces, err := Start(of(endpoint, to.URL), "warren", slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	_, err = traces.Before(nowhere{}, "").Enqueue(t.Context(), tasks.Task{Key: "email"})
	require.NoError(t, err)
	traces.Close(t.Context())
	assert.Empty(t, to.Spans())
	assert.Contains(t, log.String(), `msg="traces were lost" spans=1`)
}

// A collector that does not answer keeps nobody: neither those whose spans end, nor Close beyond its
// time.
func TestCollectorThatHangsKeepsNobody(t *testing.T) {
	t.Parallel()
	reached, release := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		reached <- struct{}{}
		<-release
	}))
	defer server.Close()
	defer close(release)
	var log bytes.Buffer
	traces, err := Start(of(endpoint, server.URL), "warren", slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	to := traces.Before(nowhere{}, "")
	for range 10_000 { // more than wait at most
		_, err := to.Enqueue(t.Context(), tasks.Task{Key: "email"})
		require.NoError(t, err)
	}
	<-reached
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	traces.Close(ctx)
	assert.Less(t, time.Since(start), 5*time.Second)
	assert.Contains(t, log.String(), "traces were lost")
}
