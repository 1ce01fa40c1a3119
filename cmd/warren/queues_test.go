//go:build integration

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

func TestQueues(t *testing.T) {
	s := newSite(t)
	for range 3 {
		require.Equal(t, exitDone, s.run("enqueue", "email.welcome").code)
	}
	_, err := s.client.Public().Enqueue(s.ctx, tasks.Task{Key: "nobody.wants"})
	require.NoError(t, err)
	require.NoError(t, s.client.Publish(s.ctx, tasks.Message{RoutingKey: "email.dead", MessageID: "1"}))
	held := make(chan *broker.Delivery, 1)
	consumer, err := s.client.NewConsumer(broker.ConsumerConfig{Queue: "email", Prefetch: 1, Deliver: func(d *broker.Delivery) { held <- d }})
	require.NoError(t, err)
	defer consumer.Close()
	select {
	case <-held:
	case <-s.ctx.Done():
		require.FailNow(t, "no task")
	}

	states := func(path string) map[string]queueState {
		o := s.run("-c", path, "queues", "--json")
		require.Equal(t, exitDone, o.code, o.stderr)
		byName := map[string]queueState{}
		for line := range strings.Lines(o.stdout) {
			var state queueState
			require.NoError(t, json.Unmarshal([]byte(line), &state))
			byName[state.Queue] = state
		}
		return byName
	}
	require.Eventually(t, func() bool { // the management API's numbers come every few seconds
		email := states(s.path)["email"]
		return *email.Ready == 2 && email.Running != nil && *email.Running == 1 && *email.Dead == 1
	}, patience, 4*pollEvery)
	all := states(s.path)
	assert.Len(t, all, 3)
	assert.Equal(t, 1, *all["email"].Consumers)
	assert.NotNil(t, all["email"].DoneRate)
	assert.Equal(t, "classic", all["bulk"].Type)
	assert.Equal(t, 1, *all["warren.unrouted"].Ready)
	assert.Equal(t, "quorum", all["warren.unrouted"].Type)
	assert.Nil(t, all["warren.unrouted"].Dead)

	t.Run("for people", func(t *testing.T) {
		o := s.run("-c", s.path, "queues")
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Regexp(t, `^QUEUE +TYPE +READY  RUNNING  CONSUMERS  DEAD  IN/S  DONE/S  FAIL %  WAIT  RUN  PAUSED
email +(quorum|classic) +2 +1 +1    !1 +\d+\.\d +\d+\.\d +- +- +-
bulk +classic +0 +0 +!0     0 +\d+\.\d +\d+\.\d +- +- +-
warren\.unrouted +quorum +!1 +0 +0     - +\d+\.\d +\d+\.\d +- +- +-

critical: bulk: no worker consumes the queue
  start a worker for it: worker --queue bulk
warning: email: 1 dead letter
  warren dead groups email
warning: 1 task is parked: no queue wanted its key
  warren dead groups --unrouted
$`, o.stdout)
	})
	t.Run("without management", func(t *testing.T) {
		path := file(t, "queues: {email: {}, bulk: {type: classic}, later: {}}")
		o := s.run("-c", path, "queues")
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Regexp(t, `\nemail +- +2 +- +1 +!1 +- +0\.0 +- +- +-\nbulk +classic +0 +- +!0 +0 +- +0\.0 +- +- +-\nlater +- +- +- +!- +- +- +0\.0 +- +- +-\n`, o.stdout)
		assert.Contains(t, o.stderr, "queues without a number do not exist yet")
	})
	t.Run("with management that does not answer", func(t *testing.T) {
		path := file(t, "broker: {management: 'http://u:sesame@127.0.0.1:1'}\nqueues: {email: {}}")
		o := s.run("-c", path, "queues")
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Contains(t, o.stderr, "warren: what is running, and the rates, are not known: management API not available")
		assert.NotContains(t, o.stderr, "sesame")
	})
}
