//go:build integration

package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

const (
	patience  = 30 * time.Second
	pollEvery = 50 * time.Millisecond
)

// site is a virtual host with a configuration whose topology is declared.
type site struct {
	environment
	t      *testing.T
	ctx    context.Context
	vhost  brokertest.Vhost
	client *broker.Client
	path   string
}

func newSite(t *testing.T) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	s := &site{t: t, ctx: ctx, vhost: brokertest.NewVhost(t)}
	s.variables = map[string]string{"WARREN_URL": s.vhost.URL, "MANAGEMENT": s.vhost.Management}
	s.path = file(t, "broker: {management: '${MANAGEMENT}'}\nqueues: {email: {routes: ['email.#']}, bulk: {routes: ['bulk.#'], type: classic}}\n")
	cfg, err := config.LoadEnv(s.path, s.lookup)
	require.NoError(t, err)
	s.client, err = broker.Connect(ctx, broker.Config{URLs: []string{s.vhost.URL}})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	require.NoError(t, s.client.Declare(ctx, cfg.Spec()))
	return s
}

func (s *site) run(args ...string) outcome { return s.environment.run(s.ctx, args...) }

// take takes one message of a queue.
func (s *site) take(queue string) tasks.Message {
	s.t.Helper()
	taken := make(chan tasks.Message, 1)
	consumer, err := s.client.NewConsumer(broker.ConsumerConfig{Queue: queue, Prefetch: 1, Deliver: func(d *broker.Delivery) {
		select {
		case taken <- d.Message:
			assert.NoError(s.t, d.Ack())
		default:
			assert.NoError(s.t, d.Requeue())
		}
	}})
	require.NoError(s.t, err)
	defer consumer.Close()
	select {
	case m := <-taken:
		require.NoError(s.t, consumer.Cancel(s.ctx))
		return m
	case <-s.ctx.Done():
		require.FailNow(s.t, "nothing in "+queue)
		return tasks.Message{}
	}
}

func TestEnqueue(t *testing.T) {
	s := newSite(t)
	s.stdin = "a,b\n"
	t.Run("defaults", func(t *testing.T) {
		o := s.run("enqueue", "email.welcome")
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Empty(t, o.stderr)
		m := s.take("email")
		assert.Equal(t, m.MessageID+"\n", o.stdout)
		assert.Equal(t, "{}", string(m.Body))
		assert.Equal(t, "application/json", m.ContentType)
		assert.EqualValues(t, 4, m.Priority)
	})
	t.Run("everything", func(t *testing.T) {
		o := s.run("enqueue", "email.welcome", "--data", "-", "--content-type", "text/csv", "--priority", "9",
			"--id", "my-id", "--header", "tenant=acme", "--header", "note=a=b", "--at", "2020-01-01T00:00:00Z")
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Equal(t, "my-id\n", o.stdout)
		m := s.take("email")
		assert.Equal(t, "a,b\n", string(m.Body))
		assert.Equal(t, "text/csv", m.ContentType)
		assert.EqualValues(t, 9, m.Priority)
		assert.Equal(t, "acme", m.Headers["tenant"])
		assert.Equal(t, "a=b", m.Headers["note"])
		assert.Equal(t, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), m.Headers["warren-not-before"])
	})
	t.Run("later", func(t *testing.T) {
		before := time.Now()
		o := s.run("-c", s.path, "enqueue", "email.welcome", "--delay", "300ms", "--data", `{"user": 7}`)
		require.Equal(t, exitDone, o.code, o.stderr)
		m := s.take("email")
		assert.JSONEq(t, `{"user": 7}`, string(m.Body))
		assert.GreaterOrEqual(t, m.Headers["warren-not-before"], before.Add(300*time.Millisecond).UnixMilli())
	})
	t.Run("too much later", func(t *testing.T) {
		o := s.run("enqueue", "email.welcome", "--delay", "400d")
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, "delay too long")
		assert.Empty(t, o.stdout)
	})
	t.Run("what nobody wants", func(t *testing.T) {
		o := s.run("enqueue", "sms.send")
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, `warren: no queue wants "sms.send", and nothing was enqueued; see warren routes explain sms.send`)
		assert.Empty(t, o.stdout)
	})
}

func TestEnqueueBeforeAnythingIsDeclared(t *testing.T) {
	vhost := brokertest.NewVhost(t)
	env := environment{variables: map[string]string{"AMQP_URL": vhost.URL}}
	for _, args := range [][]string{{"enqueue", "email.welcome"}, {"enqueue", "email.welcome", "--delay", "1m"}} {
		o := env.run(t.Context(), args...)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, `no queue wants "email.welcome"`)
		assert.Contains(t, o.stderr, "Queues are declared when a worker or a scheduler starts")
		assert.Contains(t, o.stderr, "no exchange")
	}
	o := env.run(t.Context(), "dead", "ls", "email")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "warren: browse email.dead: no such queue: a worker or a scheduler that starts declares")
}

func TestRefusedCredentials(t *testing.T) {
	vhost := brokertest.NewVhost(t)
	env := environment{variables: map[string]string{"WARREN_URL": strings.Replace(vhost.URL, "guest:guest", "guest:sesame", 1)}}
	o := env.run(t.Context(), "enqueue", "email.welcome")
	assert.Equal(t, exitFailed, o.code)
	assert.NotContains(t, o.stderr, "sesame")
}

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
		assert.Regexp(t, `^QUEUE +TYPE +READY  RUNNING  CONSUMERS  DEAD  IN/S  DONE/S
email +(quorum|classic) +2 +1 +1     1 +\d+\.\d +\d+\.\d
bulk +classic +0 +0 +0     0 +\d+\.\d +\d+\.\d
warren\.unrouted +quorum +1 +0 +0     - +\d+\.\d +\d+\.\d
$`, o.stdout)
	})
	t.Run("without management", func(t *testing.T) {
		path := file(t, "queues: {email: {}, bulk: {type: classic}, later: {}}")
		o := s.run("-c", path, "queues")
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Regexp(t, `\nemail +- +2 +- +1 +1 +- +-\nbulk +classic +0 +- +0 +0 +- +-\nlater +- +- +- +- +- +- +-\n`, o.stdout)
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
	assert.Equal(t, []string{"parked"}, ids("--unrouted"))
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
