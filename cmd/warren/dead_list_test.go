//go:build integration

package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// kill puts a dead letter of a worker's into the queue of dead letters.
func (s *site) kill(id, key string, reason tasks.Reason, text string) {
	s.t.Helper()
	m := tasks.Message{MessageID: id, RoutingKey: key, Body: []byte(`{"user":7}`)}
	task, err := tasks.Decode(m, "email", time.Now())
	require.NoError(s.t, err)
	failure := tasks.Failure{Err: errors.New(text), At: time.Now().Add(-3 * time.Hour), Worker: "worker-1"}
	letter := tasks.DeadMessage(m, &task, s.client.User(), reason, failure, true)
	letter.Exchange, letter.RoutingKey = s.client.Names().Dead(), "email"
	require.NoError(s.t, s.client.Publish(s.ctx, letter))
	require.Eventually(s.t, func() bool {
		depth, err := s.client.Depth(s.ctx, routing.DeadQueue("email"))
		require.NoError(s.t, err)
		return depth.Ready > 0
	}, patience, pollEvery)
}

func TestDeadList(t *testing.T) {
	s := newSite(t)
	o := s.run("dead", "ls", "email")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Empty(t, o.stdout)
	assert.Equal(t, "warren: no letter in email.dead is one of these\n", o.stderr)

	s.kill("id-1", "email.welcome", tasks.ReasonAttemptsExhausted, "connection refused\n<by> \x1b[31mhost")
	s.kill("id-2", "email.welcome.eu", tasks.ReasonPermanent, "no such user")
	s.kill("id-3", "email.bye", tasks.ReasonPermanent, "no such user")
	_, err := s.client.Public().Enqueue(s.ctx, tasks.Task{ID: "parked", Key: "nobody.wants"})
	require.NoError(t, err)

	const table = `ID    KEY               REASON              ATTEMPT  FAILED  ERROR
id-1  email.welcome     attempts-exhausted        1  3h ago  connection refused <by>  [31mhost
id-2  email.welcome.eu  permanent                 1  3h ago  no such user
id-3  email.bye         permanent                 1  3h ago  no such user
`
	for _, args := range [][]string{{"dead", "ls", "email"}, {"dead", "ls", "email.dead"}, {"-c", s.path, "dead", "ls", "email", "--limit", "9"}} {
		o = s.run(args...)
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Equal(t, table, o.stdout)
		assert.Empty(t, o.stderr)
	}

	ids := func(args ...string) []string {
		o := s.run(append([]string{"dead", "ls", "--json"}, args...)...)
		require.Equal(t, exitDone, o.code, o.stderr)
		var ids []string
		for line := range strings.Lines(o.stdout) {
			var r deadletter.Record
			require.NoError(t, json.Unmarshal([]byte(line), &r))
			ids = append(ids, r.ID)
		}
		return ids
	}
	assert.Equal(t, []string{"id-1", "id-2", "id-3"}, ids("email"))
	assert.Equal(t, []string{"id-2", "id-3"}, ids("email", "--reason", "permanent"))
	assert.Equal(t, []string{"id-2"}, ids("email", "--reason", "permanent", "--limit", "1"))
	assert.Equal(t, []string{"id-1", "id-2"}, ids("email", "--key", "email.welcome.#"))
	assert.Equal(t, []string{"id-3"}, ids("email", "--id", "id-3"))
	assert.Equal(t, []string{"id-2", "id-3"}, ids("email", "--error", "NO SUCH"))
	assert.Equal(t, []string{"id-1"}, ids("email", "--since", "4h", "--before", "2h", "--limit", "1"))
	assert.Empty(t, ids("email", "--since", "2h"))
	assert.Empty(t, ids("email", "--schedule", "daily"))
	assert.Equal(t, []string{"parked"}, ids("--unrouted"))
	assert.Equal(t, []string{"parked"}, ids("warren.unrouted"))
	assert.Empty(t, ids("bulk"))

	o = s.run("dead", "ls", "email", "--id", "id-1", "--json")
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &fields))
	assert.Equal(t, "email.welcome", fields["key"])
	assert.Equal(t, "connection refused\n<by> \x1b[31mhost", fields["error"])
	assert.Equal(t, "worker-1", fields["worker"])
	assert.JSONEq(t, `{"user":7}`, fields["payload"].(string))
	assert.Contains(t, o.stdout, "<by>", "as it is")
	assert.Equal(t, table, s.run("dead", "ls", "email").stdout, "looking changed nothing")
}

func TestDeadGroups(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for id, key := range map[string]string{"1": "email.welcome", "2": "email.welcome.eu", "3": "email.bye"} {
		s.kill(id, key, tasks.ReasonPermanent, "no user "+id)
	}
	s.kill("4", "email.bye", tasks.ReasonAttemptsExhausted, "connection refused")
	_, err := s.client.Public().Enqueue(s.ctx, tasks.Task{ID: "parked", Key: "nobody.wants"})
	require.NoError(t, err)

	o := s.run("dead", "groups", "email")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Regexp(t, `^COUNT  REASON .*\n    3  permanent +email\.# .* no user <n>\n    1  attempts-exhausted +email\.bye .* connection refused\n$`, o.stdout)
	o = s.run("-c", s.path, "dead", "groups")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Regexp(t, `^COUNT  QUEUE .*\n    3  email .*\n    1  email .*\n    1  warren.unrouted  - +nobody\.wants +- +- +-\n$`, o.stdout)
	o = s.run("dead", "groups", "--unrouted", "--json")
	assert.JSONEq(t, `{"count":1,"queue":"warren.unrouted","reason":"","error":"","keys":"nobody.wants","example":"parked"}`, o.stdout)
	o = s.run("dead", "groups", "bulk")
	assert.Equal(t, exitDone, o.code)
	assert.Equal(t, "warren: no letter is one of these\n", o.stderr)
	assert.Equal(t, exitFailed, s.run("dead", "groups", "emial").code)
}
