//go:build integration

package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/tasks"
)

// What is enqueued is ciphertext; so are its dead letter's payload and error, but for who has the keys.
func TestEncryption(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	require.Equal(t, exitDone, s.run("keyset", "new", keyset).code)
	config := file(t, "encryption: {keyset: '"+keyset+"'}")
	o := s.run("-c", config, "enqueue", "email.welcome", "--data", `{"user": "eve"}`)
	require.Equal(t, exitDone, o.code, o.stderr)
	m := s.take("email")
	assert.Equal(t, m.MessageID+"\n", o.stdout)
	assert.NotContains(t, string(m.Body), "eve")
	assert.Equal(t, encryption.ContentType, m.ContentType)

	keys, err := encryption.LoadKeyset(keyset)
	require.NoError(t, err)
	task, err := tasks.Decode(m, "email", time.Now())
	require.NoError(t, err)
	handler := encryption.Middleware(keys, encryption.Config{})(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
		return errors.New("no such user: eve")
	}))
	failure := tasks.Failure{Err: handler.HandleTask(t.Context(), &task), At: time.Now(), Worker: "worker-1"}
	letter := tasks.DeadMessage(m, &task, s.client.User(), tasks.ReasonPermanent, failure, true)
	letter.Exchange, letter.RoutingKey = s.client.Names().Dead(), "email"
	require.NoError(t, s.client.Publish(s.ctx, letter))

	o = s.run("-c", config, "dead", "ls", "email")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stdout, "sealed:")
	assert.NotContains(t, o.stdout, "eve")

	o = s.run("-c", config, "dead", "groups", "email", "--error", "EVE")
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stdout, "no such user: eve")
	assert.Contains(t, s.run("dead", "groups", "email").stdout, "sealed:…")

	o = s.run("-c", config, "dead", "show", "email", "--id", m.MessageID)
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stdout, "\nkey       email.welcome\nqueue     email\nreason    permanent\n")
	assert.Contains(t, o.stdout, "\nerror     no such user: eve\nerrors    #1 ")
	assert.Contains(t, o.stdout, "Z worker-1: no such user: eve\nheaders   warren-dead-reason: permanent\n")
	assert.Contains(t, o.stdout, "\npayload   {\"user\": \"eve\"}\n")
	assert.Empty(t, o.stderr)

	o = s.run("-c", config, "dead", "show", "email", "--id", m.MessageID, "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	var shown struct{ Payload, Error string }
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &shown))
	assert.JSONEq(t, `{"user": "eve"}`, shown.Payload)
	assert.Equal(t, "no such user: eve", shown.Error)

	o = s.run("dead", "show", "email", "--id", m.MessageID)
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stdout, "\npayload   in base64\n")
	assert.Equal(t, "warren: "+m.MessageID+" is encrypted with key "+keys.Primary()+", and the configuration has no encryption.keyset\n", o.stderr)
	other := filepath.Join(t.TempDir(), "keyset.json")
	require.Equal(t, exitDone, s.run("keyset", "new", other).code)
	o = s.run("-c", file(t, "encryption: {keyset: '"+other+"'}"), "dead", "show", "email", "--id", m.MessageID)
	assert.Contains(t, o.stderr, "undecryptable: key")
	assert.Contains(t, o.stdout, "in base64")

	o = s.run("dead", "show", "email", "--id", "nobody")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, `no letter in email.dead is of a task with the ID "nobody"`)
}
