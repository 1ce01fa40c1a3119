//go:build integration

package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// awaitDead waits until a queue has so many dead letters.
func (s *site) awaitDead(queue string, n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		depth, err := s.client.Depth(s.ctx, queue)
		require.NoError(s.t, err)
		return depth.Ready == n
	}, patience, pollEvery)
}

// What died of its payload is found as one group, mended by --set, and succeeds; the rest is dropped. The
// history tells who did it.
func TestDeadReplay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	done := make(chan tasks.Task, 9)
	s.work(func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, task *tasks.Task) error {
			err := next.HandleTask(ctx, task)
			if err == nil {
				done <- *task
			}
			return err
		})
	})
	for id, key := range map[string]string{"1": "email.welcome", "2": "email.welcome", "3": "email.bye"} {
		require.Equal(t, exitDone, s.run("enqueue", key, "--id", id, "--data", `{"user": "bad", "n": 1.50}`).code)
	}
	s.awaitDead("email.dead", 3)

	o := s.run("dead", "groups", "email")
	assert.Regexp(t, `\n    3  permanent  email\.\*  \S+ +\S+ +exit status 65: no luck\n$`, o.stdout)
	o = s.run("dead", "replay", "email", "--key", "email.welcome", "--set", "user.name=good", "--dry-run")
	assert.Equal(t, exitFailed, o.code)
	assert.Regexp(t, `\n    2  permanent  email\.welcome  .*\n0 would be replayed, 2 failed\n$`, o.stdout)
	assert.Contains(t, o.stderr, "warren: 2 of email.welcome failed: no such path: user.name: user is a text, which has no members (such as ")
	o = s.run("dead", "replay", "email", "--key", "email.welcome", "--set", "user=good", "--dry-run")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Regexp(t, `\n2 would be replayed, 0 failed\nsuch as [12] with {"user": "good", "n": 1\.50}\n$`, o.stdout)
	s.awaitDead("email.dead", 3)

	o = s.run("dead", "replay", "email", "--key", "email.welcome", "--set", "user=good")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, "2 replayed, 0 failed\n", o.stdout)
	assert.Empty(t, o.stderr)
	mended := []byte(`{"user": "good", "n": 1.50}`)
	for range 2 {
		task := <-done
		assert.Equal(t, mended, task.Payload)
		assert.Equal(t, 1, task.Attempt)
		assert.Equal(t, "email.welcome", task.Key)
	}
	for _, args := range [][]string{{"dead", "replay", "email"}, {"dead", "drop", "email", "--id", "3"}, {"dead", "replay", "email", "--set", "a=1"}} {
		o = s.run(args...)
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, "nobody is here to be asked")
	}
	editor := filepath.Join(t.TempDir(), "editor")
	require.NoError(t, os.WriteFile(editor, []byte("#!/bin/sh -e\nsed -i s/bad/good/ \"$1\"\n"), 0o700))
	s.variables["EDITOR"] = editor
	o = s.run("dead", "replay", "email", "--edit", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.JSONEq(t, `{"queue":"email.dead","seen":1,"unchosen":0,"replayed":1,"dropped":0,"at_limit":0,"again":0,"failed":0,"doubtful":0}`, o.stdout)
	assert.Equal(t, mended, (<-done).Payload)

	s.kill("4", "email.bye", tasks.ReasonPermanent, "no such user")
	o = s.run("dead", "drop", "email", "--error", "such user", "--yes")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, "1 dropped\n", o.stdout)
	o = s.run("dead", "drop", "email", "--yes")
	assert.Equal(t, exitDone, o.code)
	assert.Equal(t, "warren: no letter in email.dead is one of these\n", o.stderr)
	o = s.run("dead", "drop", "email", "--id", "4", "--yes")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, `no letter in email.dead is of a task with the ID "4"`)

	o = s.run("history", "--json", "--event", "replayed", "--event", "edited", "--event", "dropped")
	require.Equal(t, exitDone, o.code, o.stderr)
	told := map[history.Kind]int{}
	for line := range strings.Lines(o.stdout) {
		var e history.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		told[e.Event]++
		assert.Equal(t, "guest", e.By)
		assert.Equal(t, "email", e.Queue)
		assert.Equal(t, "permanent", e.Reason)
		assert.NotEmpty(t, e.ID+e.Key)
		assert.WithinDuration(t, time.Now(), e.At, patience)
	}
	assert.Equal(t, map[history.Kind]int{history.Replayed: 3, history.Edited: 3, history.Dropped: 1}, told)
}

// What no queue wanted is routed anew once one does, and stays as long as none does.
func TestDeadReplayOfParkedTasks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, err := s.client.Public().Enqueue(s.ctx, tasks.Task{ID: "parked", Key: "sms.send", Payload: []byte("{}")})
	require.NoError(t, err)
	o := s.run("dead", "replay", "--unrouted", "--yes")
	assert.Equal(t, exitFailed, o.code)
	assert.Equal(t, "0 replayed, 1 failed\n", o.stdout)
	assert.Equal(t, "warren: 1 of sms.send failed: unroutable (such as parked)\n", o.stderr)

	sms, err := routing.ParsePattern("sms.#")
	require.NoError(t, err)
	require.NoError(t, s.client.Declare(s.ctx, routing.Spec{Queues: []routing.QueueSpec{{Name: "sms", Routes: []routing.Pattern{sms}}}}))
	o = s.run("dead", "replay", "--unrouted", "--key", "sms.#")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, "1 replayed, 0 failed\n", o.stdout)
	m := s.take("sms")
	assert.Equal(t, "sms.send", m.RoutingKey)
	assert.Equal(t, "parked", m.MessageID)
}
