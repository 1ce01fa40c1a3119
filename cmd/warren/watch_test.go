//go:build integration

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/alerts"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// A watch that is no terminal tells what changes, line by line, through a loss of RabbitMQ.
func TestQueuesWatchLines(t *testing.T) {
	t.Parallel()
	s, cfg := newWatched(t)
	require.NoError(t, s.client.Declare(s.ctx, cfg.Spec()))
	defer s.lead(cfg)()
	defer s.consume("email")()
	s.tell(history.Event{Event: history.Succeeded, Queue: "email"}) // before anybody looks
	proxy := brokertest.NewProxy(t, s.vhost.URL)
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	out, in := io.Pipe()
	code := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		watched := environment{variables: map[string]string{"WARREN_URL": proxy.URL(), "MANAGEMENT": s.vhost.Management}}
		args := []string{"-c", s.path, "queues", "--watch", "--json", "--interval", "500ms", "--except", "no-leader"}
		code <- run(ctx, args, strings.NewReader(""), in, &stderr, watched.lookup)
		in.Close()
	}()
	lines := json.NewDecoder(out)
	until := func(what string, holds func(*watchLine) bool) {
		t.Helper()
		for {
			var line watchLine
			require.NoError(t, lines.Decode(&line), "%s: %s", what, stderr.String())
			if holds(&line) {
				return
			}
		}
	}
	finds := func(line *watchLine, condition alerts.Condition, queue string) bool {
		return slices.ContainsFunc(line.Findings, func(f alerts.Finding) bool { return f.Condition == condition && f.Queue == queue })
	}
	var first watchLine
	require.NoError(t, lines.Decode(&first))
	require.Len(t, first.Queues, 3)
	assert.Equal(t, 1, *first.Queues[0].Ended, "the history was read before the first line")
	assert.True(t, finds(&first, alerts.NoConsumer, "import"))

	until("somebody leads", func(l *watchLine) bool { return l.Leader != nil && l.Leader.Leads })
	s.ended(60, history.Retried, "email", 0)
	require.NoError(t, s.client.Publish(s.ctx, tasks.Message{RoutingKey: "email.dead", MessageID: "1"}))
	until("failures", func(l *watchLine) bool {
		return finds(l, alerts.FailureRate, "email") && finds(l, alerts.Dead, "email") && *l.Queues[0].Ended == 61
	})
	proxy.Refuse(true)
	proxy.Cut()
	until("away", func(l *watchLine) bool { return strings.Contains(l.Error, "not connected") && len(l.Queues) == 0 })
	require.Equal(t, exitDone, s.run("-c", s.path, "pause", "import").code)
	s.ended(1, history.Dead, "email", 0)
	s.take("email.dead")
	proxy.Refuse(false)
	until("what happened meanwhile", func(l *watchLine) bool {
		return l.Error == "" && !finds(l, alerts.NoConsumer, "import") && !finds(l, alerts.Dead, "email") &&
			l.Queues[0].Ended != nil && *l.Queues[0].Ended == 62 && l.Leader.Leads
	})
	s.api(http.MethodDelete, "queues", s.client.Names().History(), nil)
	until("no history", func(l *watchLine) bool {
		return l.Error == "" && l.Queues[0].Ended == nil && l.Queues[0].FailureRate == nil
	})
	go func() { _, _ = io.Copy(io.Discard, out) }()
	stop()
	assert.Equal(t, exitDone, <-code, stderr.String())
}

// For people who redirect it, a watch prints a table each time.
func TestQueuesWatchTables(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, stop := context.WithCancel(s.ctx)
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"-c", s.path, "queues", "--watch", "--interval", "500ms"}, strings.NewReader(""), in, io.Discard, s.lookup)
		in.Close()
	}()
	var text strings.Builder
	buffer := make([]byte, 4<<10)
	for strings.Count(text.String(), "\nQUEUE ") < 2 {
		n, err := out.Read(buffer)
		require.NoError(t, err)
		text.Write(buffer[:n])
	}
	stop()
	_, err := io.Copy(io.Discard, out)
	require.NoError(t, err)
	assert.Equal(t, exitDone, <-code)
	assert.Regexp(t, `^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\nQUEUE (.*\n)+\ncritical: email: no worker consumes the queue\n`, text.String())
	assert.NotContains(t, text.String(), "\x1b")
}
