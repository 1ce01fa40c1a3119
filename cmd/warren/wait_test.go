//go:build integration

package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/handlers"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// script is a program that handles email.#: what it does is in the payload.
const script = `
read -r what || true
case $what in
*good*) echo '{"percent": 50, "note": "half"}' >&3; echo '{"sum": 5}' ;;
*binary*) printf '\377' ;;
*bad*) echo "no luck" >&2; exit 65 ;;
*slow*) sleep 60 ;;
esac`

func (s *site) work(around ...tasks.Middleware) {
	s.t.Helper()
	program, err := handlers.NewExec(handlers.ExecConfig{Argv: []string{"/bin/sh", "-c", script}})
	require.NoError(s.t, err)
	mux := tasks.NewMux()
	mux.Handle("email.#", program)
	w, err := worker.New(s.client, worker.Config{Queues: []worker.Queue{{Name: "email", Routes: []string{"email.#"}, Mux: mux, Middleware: around}}, Grace: -1})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		assert.NoError(s.t, <-ended)
	})
}

func TestEnqueueAndWait(t *testing.T) {
	s := newSite(t)
	s.work()
	wait := func(data string, args ...string) outcome {
		return s.run(append([]string{"enqueue", "email.welcome", "--id", "my-id", "--data", `"` + data + `"`, "--wait"}, args...)...)
	}
	object := func(o outcome) map[string]any {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &object))
		return object
	}
	t.Run("done", func(t *testing.T) {
		o := wait("good", "--timeout", "30s")
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Equal(t, "{\"sum\": 5}\n", o.stdout)
		assert.Equal(t, "warren: enqueued my-id\nwarren: 50 % half\n", o.stderr)
		o = wait("good", "--json")
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Equal(t, map[string]any{"id": "my-id", "status": "done", "content_type": "application/json", "result": "{\"sum\": 5}\n"}, object(o))
	})
	t.Run("no text", func(t *testing.T) {
		assert.Equal(t, "\xff", wait("binary").stdout)
		assert.Equal(t, "/w==", object(wait("binary", "--json"))["result_base64"])
	})
	t.Run("dead", func(t *testing.T) {
		o := wait("bad")
		assert.Equal(t, exitFailed, o.code)
		assert.Empty(t, o.stdout)
		assert.Equal(t, "warren: enqueued my-id\nwarren: task my-id is dead (permanent): exit status 65: no luck\n", o.stderr)
		o = wait("bad", "--json")
		assert.Equal(t, exitFailed, o.code)
		assert.Empty(t, o.stderr)
		assert.Equal(t, map[string]any{"id": "my-id", "status": "dead", "reason": "permanent", "error": "exit status 65: no luck"}, object(o))
	})
	t.Run("unknown", func(t *testing.T) {
		o := wait("slow", "--timeout", "2s")
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "warren: wait for task my-id, which may still run: context deadline exceeded")
		o = wait("slow", "--timeout", "2s", "--json")
		assert.Equal(t, exitFailed, o.code)
		assert.Equal(t, "unknown", object(o)["status"])
	})
	t.Run("nobody wants it", func(t *testing.T) {
		o := s.run("enqueue", "sms.send", "--wait")
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, `no queue wants "sms.send"`)
	})
	t.Run("without waiting", func(t *testing.T) {
		o := s.run("enqueue", "email.welcome", "--json", "--id", "my-id")
		assert.JSONEq(t, `{"id": "my-id", "status": "enqueued"}`, o.stdout)
	})
}

// With keys nothing of a task that is waited for is in clear on its way, and the guard looks at it too.
func TestEnqueueAndWaitEncrypted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	require.Equal(t, exitDone, s.run("keyset", "new", keyset).code)
	keys, err := encryption.LoadKeyset(keyset)
	require.NoError(t, err)
	s.work(encryption.Middleware(keys, encryption.Config{Required: true}))
	config := file(t, "encryption: {keyset: '"+keyset+"'}\nguard: {fields: [password]}")

	o := s.run("-c", config, "enqueue", "email.welcome", "--data", `"good"`, "--wait", "--timeout", "30s")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, "{\"sum\": 5}\n", o.stdout)
	assert.Contains(t, o.stderr, "warren: 50 % half\n")
	o = s.run("-c", config, "enqueue", "email.welcome", "--data", `"bad"`, "--wait", "--timeout", "30s")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "no luck")
	o = s.run("-c", config, "enqueue", "email.welcome", "--data", `{"password": "x"}`, "--wait", "--timeout", "30s")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "password")

	o = s.run("enqueue", "email.welcome", "--data", `"good"`, "--wait", "--timeout", "30s")
	assert.Equal(t, exitFailed, o.code, "it was published in clear, and the worker wants none such")
	assert.Contains(t, o.stderr, "undecryptable")
}
