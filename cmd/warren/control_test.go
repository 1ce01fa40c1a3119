//go:build integration

package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

func TestRevokePauseResume(t *testing.T) {
	s := newSite(t)
	o := s.run("-c", s.path, "revoke", "1", "2", "--reason", "sent by mistake")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, "revoked 1\nrevoked 2\n", o.stdout)
	o = s.run("-c", s.path, "pause", "email", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	var said control.Record
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &said))
	assert.Equal(t, control.Record{Kind: control.Pause, Queue: "email", By: "guest", At: said.At}, said)

	state, err := control.Read(s.ctx, s.client, "warren.control", time.Now)
	require.NoError(t, err)
	revoked, is := state.Revoked("2", said.At)
	require.True(t, is)
	assert.Equal(t, "sent by mistake", revoked.Reason)
	assert.Equal(t, "guest", revoked.By)

	o = s.run("-c", s.path, "queues")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Regexp(t, `\nemail .*  by guest since 20\d\d-.*Z\n`, o.stdout)
	assert.NotRegexp(t, `\nbulk .*guest`, o.stdout)
	o = s.run("-c", s.path, "resume", "email")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, "resumed email\n", o.stdout)
	assert.NotContains(t, s.run("-c", s.path, "queues").stdout, "guest")

	t.Run("who did it is in the history", func(t *testing.T) {
		names := s.client.Names()
		require.NoError(t, s.client.Declare(s.ctx, routing.Spec{Streams: []routing.StreamSpec{{Name: names.History()}}}))
		require.Equal(t, exitDone, s.run("-c", s.path, "pause", "email", "--reason", "mail server is down").code)
		require.Equal(t, exitDone, s.run("-c", s.path, "resume", "email").code)
		o := s.run("-c", s.path, "history", "--json")
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Regexp(t, `"event":"paused","queue":"email","reason":"mail server is down","by":"guest"}\n.*"event":"resumed","queue":"email","by":"guest"}\n$`, o.stdout)
	})
	t.Run("a queue that only the broker knows", func(t *testing.T) {
		require.NoError(t, s.client.Declare(s.ctx, routing.Spec{Queues: []routing.QueueSpec{{Name: "elsewhere"}}}))
		require.Equal(t, exitDone, s.run("-c", s.path, "pause", "elsewhere").code)
	})
	t.Run("a queue that nobody knows", func(t *testing.T) {
		o := s.run("-c", s.path, "pause", "emial")
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "emial is not among the configured queues: depth of emial: no such queue")
	})
	t.Run("what cannot be revoked", func(t *testing.T) {
		assert.Equal(t, exitUsage, s.run("-c", s.path, "revoke", "").code)
		assert.Equal(t, exitUsage, s.run("-c", s.path, "revoke").code)
	})
}

func TestControlWithoutAStream(t *testing.T) {
	s := newSite(t)
	s.variables["WARREN_URL"] = brokertest.NewVhost(t).URL
	path := file(t, "queues: {email: {}}")
	o := s.run("-c", path, "pause", "email")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "there is no stream warren.control yet")
	o = s.run("-c", path, "queues", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stdout, `"paused":false`)
}
