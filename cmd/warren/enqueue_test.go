//go:build integration

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
)

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
	for _, args := range [][]string{{"dead", "ls", "email"}, {"dead", "show", "email", "--id", "7"}} {
		o := env.run(t.Context(), args...)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "warren: browse email.dead: no such queue: a worker or a scheduler that starts declares")
	}
}

func TestRefusedCredentials(t *testing.T) {
	vhost := brokertest.NewVhost(t)
	env := environment{variables: map[string]string{"WARREN_URL": strings.Replace(vhost.URL, "guest:guest", "guest:sesame", 1)}}
	o := env.run(t.Context(), "enqueue", "email.welcome")
	assert.Equal(t, exitFailed, o.code)
	assert.NotContains(t, o.stderr, "sesame")
}
