//go:build integration

package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/alerts"
	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/tasks"
)

// newWatched returns a site with a schedule and history, and the queues email and import.
func newWatched(t *testing.T) (*site, *config.Config) {
	t.Helper()
	s := newSite(t)
	s.path = file(t, "broker: {management: '${MANAGEMENT}'}\nqueues: {email: {routes: ['email.#']}, import: {}}\n"+
		"schedules: {later: {at: 2100-01-01T00:00:00Z, key: email.later}}\n")
	cfg, err := config.LoadEnv(s.path, s.lookup)
	require.NoError(t, err)
	return s, cfg
}

// consume has somebody consume a queue, and hold one task.
func (s *site) consume(queue string) (stop func()) {
	s.t.Helper()
	consumer, err := s.client.NewConsumer(broker.ConsumerConfig{Queue: queue, Prefetch: 1, Deliver: func(*broker.Delivery) {}})
	require.NoError(s.t, err)
	require.Eventually(s.t, func() bool { return consumer.Ready() == nil }, patience, pollEvery)
	return consumer.Close
}

// lead has a scheduler lead.
func (s *site) lead(cfg *config.Config) (stop func()) {
	s.t.Helper()
	emitter, err := scheduler.New(scheduler.Config{
		Entries: cfg.Schedules, Enqueuer: s.client.Public(), Streams: s.client, Names: s.client.Names(),
		Log: slog.New(slog.NewTextHandler(s.t.Output(), nil)),
	})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- emitter.Run(ctx) }()
	return func() {
		cancel()
		assert.NoError(s.t, <-ended)
	}
}

// ended appends events of now to the history.
func (s *site) ended(n int, kind history.Kind, queue string, wait time.Duration) {
	s.t.Helper()
	waited := history.Millis(wait.Milliseconds())
	events := make([]history.Event, n)
	for i := range events {
		events[i] = history.Event{At: time.Now(), Event: kind, Queue: queue, Wait: &waited}
	}
	require.NoError(s.t, history.Append(s.ctx, s.client, s.client.Names().History(), events...))
}

// Each condition begins, is told, and ends.
func TestQueuesCheck(t *testing.T) {
	t.Parallel()
	s, cfg := newWatched(t)
	check := func(code int, args ...string) (found []string) {
		t.Helper()
		o := s.run(append([]string{"-c", s.path, "queues", "--check", "--json"}, args...)...)
		require.Equal(t, code, o.code, o.stdout+o.stderr)
		for line := range strings.Lines(o.stdout) {
			var f alerts.Finding
			require.NoError(t, json.Unmarshal([]byte(line), &f), line)
			found = append(found, strings.TrimSpace(string(f.Condition)+" "+f.Queue))
		}
		return found
	}

	// The queue import does not exist, as where no worker has run.
	assert.Equal(t, []string{"no-leader", "no-consumer email", "no-consumer import"}, check(exitFailed))
	blind := file(t, "queues: {email: {routes: ['email.#']}}\nhistory: {level: off}\n")
	o := s.run("-c", blind, "queues", "--check", "--strict", "--except", "no-consumer")
	assert.Equal(t, outcome{code: exitFailed, stderr: "warren: not checked: failure-rate, wait: history.level is off\n"}, o)

	require.NoError(t, s.client.Declare(s.ctx, cfg.Spec()))
	defer s.lead(cfg)()
	defer s.consume("email")()
	assert.Equal(t, exitDone, s.run("-c", s.path, "pause", "import").code)
	require.Eventually(t, func() bool {
		return s.run("-c", s.path, "queues", "--check", "--strict").code == exitDone
	}, patience, pollEvery, "a paused queue needs no worker")
	o = s.run("-c", s.path, "queues", "--check", "--strict")
	assert.Equal(t, outcome{}, o, "nothing to tell")

	for range 4 {
		require.Equal(t, exitDone, s.run("enqueue", "email.welcome").code)
	}
	_, err := s.client.Public().Enqueue(s.ctx, tasks.Task{Key: "nobody.wants"})
	require.NoError(t, err)
	require.NoError(t, s.client.Publish(s.ctx, tasks.Message{RoutingKey: "email.dead", MessageID: "1"}))
	s.ended(95, history.Succeeded, "email", 5*time.Minute)
	s.ended(5, history.Retried, "email", 6*time.Minute)
	s.ended(19, history.Dead, "import", 0)
	assert.Equal(t, []string{"backlog email", "failure-rate email", "wait email", "dead email", "parked"}, check(exitFailed, "--backlog", "3"))
	assert.Equal(t, []string{"dead email", "parked"}, check(exitFailed, "--failure-rate", "5.1", "--wait", "6m"))

	s.take("email.dead")
	s.take("warren.unrouted")
	s.ended(100, history.Succeeded, "email", 0)
	assert.Empty(t, check(exitDone))
}
