//go:build integration

package tracing_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/tracing"
	"github.com/warrenmq/warren/worker"
)

const patience = 60 * time.Second

// site is a program: a provider, a client of its own, and the workers that run in it.
type site struct {
	t        *testing.T
	client   *broker.Client
	provider *sdktrace.TracerProvider
	recorder *tracetest.SpanRecorder
}

func newSite(ctx context.Context, t *testing.T, url string) *site {
	t.Helper()
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{url}, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	s := &site{t: t, client: client}
	s.provider, s.recorder = spans()
	return s
}

// work runs a worker until stop, which returns when it has drained.
func (s *site) work(ctx context.Context, handler tasks.HandlerFunc) (stop func()) {
	s.t.Helper()
	mux := tasks.NewMux()
	mux.Handle("#", handler)
	w, err := worker.New(s.client, worker.Config{
		Queues: []worker.Queue{{
			Name: "mail", Routes: []string{"email.#"}, Mux: mux,
			Middleware: []tasks.Middleware{tracing.Middleware(tracing.Config{Provider: s.provider})},
			Retry:      tasks.RetryPolicy{Initial: 200 * time.Millisecond, Jitter: tasks.NoJitter},
		}},
		Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	require.Eventually(s.t, func() bool { return w.Ready() == nil }, patience, 5*time.Millisecond)
	return func() {
		cancel()
		require.NoError(s.t, <-done)
	}
}

// span returns the one span that a site has ended, of some name.
func (s *site) span(name string) sdktrace.ReadOnlySpan {
	s.t.Helper()
	var found []sdktrace.ReadOnlySpan
	for _, span := range s.recorder.Ended() {
		if span.Name() == name {
			found = append(found, span)
		}
	}
	require.Len(s.t, found, 1, name)
	return found[0]
}

// A task is enqueued with a delay, fails on one worker, is snoozed by a second, and succeeds on a third,
// which enqueues another: one trace, in which each run is a child of the publish and links to the run
// before it.
func TestOneTraceOverDelayRetryAndWorkers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	vhost := brokertest.NewVhost(t)
	producer := newSite(ctx, t, vhost.URL)
	workers := []*site{newSite(ctx, t, vhost.URL), newSite(ctx, t, vhost.URL), newSite(ctx, t, vhost.URL)}
	ran := make(chan tasks.Task, 1)
	run := func(s *site, answer error) {
		t.Helper()
		stop := s.work(ctx, func(ctx context.Context, task *tasks.Task) error {
			ran <- *task
			if answer != nil {
				return answer
			}
			_, err := tracing.New(s.client.Public(), tracing.Config{Provider: s.provider, Exchange: "warren.tasks"}).
				Enqueue(ctx, tasks.Task{Key: "report.sent"})
			return err
		})
		if s == workers[0] {
			_, err := tracing.New(producer.client, tracing.Config{Provider: producer.provider, Exchange: "warren.strict"}).
				Enqueue(ctx, tasks.Task{Key: "email.welcome", ID: "id-1", NotBefore: time.Now().Add(400 * time.Millisecond)})
			require.NoError(t, err)
		}
		select {
		case task := <-ran:
			assert.Equal(t, traceParent(s.recorder.Started()[0].SpanContext()), task.TraceParent, "what the handler is told")
		case <-ctx.Done():
			require.FailNow(t, "the task does not come")
		}
		stop()
	}
	run(workers[0], errors.New("connection refused"))
	run(workers[1], tasks.Snooze(200*time.Millisecond))
	run(workers[2], nil)

	publish := producer.span("publish warren.strict:email.welcome")
	before := ""
	for i, want := range []struct {
		attempt int64
		outcome string
	}{{1, "retried"}, {2, "snoozed"}, {2, "succeeded"}} {
		span := workers[i].span("process email.welcome:mail")
		assert.Equal(t, publish.SpanContext().TraceID(), span.SpanContext().TraceID())
		assert.Equal(t, publish.SpanContext().SpanID(), span.Parent().SpanID())
		got := attributes(t, span)
		assert.Equal(t, want.attempt, got["warren.attempt"])
		assert.Equal(t, want.outcome, got["warren.outcome"])
		assert.Equal(t, "id-1", got["messaging.message.id"])
		assert.NotEmpty(t, got["warren.not_before"])
		link := ""
		if len(span.Links()) > 0 {
			link = traceParent(span.Links()[0].SpanContext)
		}
		assert.Equal(t, before, link, "run %d", i+1)
		before = traceParent(span.SpanContext())
	}
	next := workers[2].span("publish warren.tasks:report.sent")
	assert.Equal(t, before, traceParent(next.Parent()), "what a handler enqueues is a child of its run")
}

// A dead letter that is replayed links to the run that it died of.
func TestReplayLinksToTheRunBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s := newSite(ctx, t, brokertest.NewVhost(t).URL)
	ran := make(chan struct{}, 2)
	stop := s.work(ctx, func(_ context.Context, task *tasks.Task) error {
		defer func() { ran <- struct{}{} }()
		if task.PreviousAttempt == "" {
			return tasks.Permanent(errBoom)
		}
		return nil
	})
	_, err := tracing.New(s.client, tracing.Config{Provider: s.provider}).Enqueue(ctx, tasks.Task{Key: "email.welcome"})
	require.NoError(t, err)
	<-ran
	replayed := false
	require.Eventually(t, func() bool {
		require.NoError(t, s.client.Browse(ctx, "mail.dead", 0, func(m tasks.Message) bool {
			letter, err := tasks.Decode(m, "mail", time.Now())
			require.NoError(t, err)
			m = tasks.ReplayMessage(m, &letter, s.client.User(), time.Now())
			m.RoutingKey = "mail"
			require.NoError(t, s.client.Publish(ctx, m))
			replayed = true
			return false
		}))
		return replayed
	}, patience, 20*time.Millisecond)
	<-ran
	stop()
	got := ended(t, s.recorder, 3)
	// The publish ends with its confirm, which may come after the task has been run.
	at := slices.IndexFunc(got, func(span sdktrace.ReadOnlySpan) bool { return span.SpanKind() == trace.SpanKindProducer })
	require.GreaterOrEqual(t, at, 0)
	publish, runs := got[at], slices.Delete(slices.Clone(got), at, at+1)
	died, lives := runs[0], runs[1]
	assert.Equal(t, "dead", attributes(t, died)["warren.outcome"])
	assert.Equal(t, "permanent", attributes(t, died)["warren.reason"])
	assert.Equal(t, publish.SpanContext().SpanID(), lives.Parent().SpanID())
	require.Len(t, lives.Links(), 1)
	assert.Equal(t, died.SpanContext().SpanID(), lives.Links()[0].SpanContext.SpanID())
}
