//go:build integration

package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/scheduler"
)

// With a scheduler at work, what the commands tell is what it does.
func TestScheduleOfAScheduler(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.path = file(t, "queues: {email: {routes: ['email.#']}}\nschedules: {tick: {every: 1s, key: email.tick}, later: {at: 2100-01-01T00:00:00Z, key: email.later}}\n")
	o := s.run("-c", s.path, "schedule", "ls")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stdout, "\nnobody leads: no scheduler has run yet\n")
	o = s.run("-c", s.path, "schedule", "history")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, "warren: no scheduler has run yet: there is no stream warren.schedule\n", o.stderr)

	cfg, err := config.LoadEnv(s.path, s.lookup)
	require.NoError(t, err)
	require.NoError(t, s.client.Declare(s.ctx, cfg.Spec()))
	emitter, err := scheduler.New(scheduler.Config{
		Entries: cfg.Schedules, Enqueuer: s.client.Public(), Streams: s.client, Names: s.client.Names(),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- emitter.Run(ctx) }()
	s.take("email")
	second := s.take("email") // by then the first one is in the ledger
	o = s.run("-c", s.path, "schedule", "ls")
	assert.Equal(t, exitDone, o.code)
	assert.Empty(t, o.stderr)
	assert.Regexp(t, `\ntick +every 1s +email\.tick +\S+Z +\S+Z +\S+s +0  last\nlater +at 2100-\S+ +email\.later +2100-\S+ +- +- +0  last\n`+
		`term 1 is led by \S+ since .{19}, renewed \S+s ago\n$`, o.stdout)
	stop()
	require.NoError(t, <-ended)

	o = s.run("-c", s.path, "schedule", "ls", "tick")
	assert.Regexp(t, `(?m)^leader    nobody leads: term 1 was left by \S+ \ds ago$`, o.stdout)
	o = s.run("-c", s.path, "schedule", "history", "tick", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	var ids []string
	for line := range strings.Lines(o.stdout) {
		var r ledgerLine
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		assert.Equal(t, scheduler.TaskID("tick", r.ScheduledFor), r.ID)
		ids = append(ids, r.ID)
	}
	require.GreaterOrEqual(t, len(ids), 2)
	assert.Equal(t, second.MessageID, ids[1])
}
