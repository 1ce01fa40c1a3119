package control_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/streams"
	"github.com/warrenmq/warren/tasks"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestRecordOnTheWire(t *testing.T) {
	t.Parallel()
	r := control.Record{Kind: control.Revoke, ID: "1", By: "alice", At: noon, Reason: "sent by mistake"}
	line, err := r.Encode()
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"revoke","id":"1","by":"alice","at":"2026-11-22T12:00:00Z","reason":"sent by mistake"}`, string(line))

	got, err := control.Decode(streams.Record{Offset: 7, Body: line})
	require.NoError(t, err)
	r.By, r.Offset = "", 7
	assert.Equal(t, r, got, "nobody has validated who it was")
	got, err = control.Decode(streams.Record{Offset: 7, User: "mallory", Body: line})
	require.NoError(t, err)
	assert.Equal(t, "mallory", got.By, "who RabbitMQ says it was")
}

func TestRecordsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, r := range []control.Record{
		{Kind: control.Revoke, At: noon}, {Kind: control.Revoke, ID: "1"}, {Kind: control.Revoke, At: noon, ID: strings.Repeat("x", 256)}, {Kind: control.Pause}, {Kind: control.Resume},
		{Kind: control.Pause, Queue: strings.Repeat("x", 256)},
		{Kind: control.Pause, Queue: "email", Reason: strings.Repeat("x", control.MaxReasonBytes+1)},
	} {
		_, err := r.Encode()
		require.ErrorIs(t, err, control.ErrInvalidRecord)
	}
	for _, body := range []string{"", "{", "[]", `{"kind":"pause"}`, `{"kind":"revoke","id":7}`} {
		_, err := control.Decode(streams.Record{Body: []byte(body)})
		require.ErrorIs(t, err, control.ErrInvalidRecord, body)
	}
	_, err := control.Decode(streams.Record{
		User: "worker", Headers: map[string]any{"warren-status": "ok"}, Body: []byte(`{"kind":"pause","queue":"email"}`),
	})
	require.ErrorIs(t, err, control.ErrInvalidRecord, "a worker's reply")
	_, err = control.Decode(streams.Record{Body: []byte(`{"kind":"of a later version","more":1}`)})
	require.NoError(t, err)
}

func TestRevocationAsAnError(t *testing.T) {
	t.Parallel()
	r := control.Record{Kind: control.Revoke, ID: "1", At: noon}
	require.ErrorIs(t, r.Err(), tasks.ErrRevoked)
	assert.EqualError(t, r.Err(), "revoked at 2026-11-22T12:00:00Z")
	r.By, r.Reason = "alice", "sent by mistake"
	assert.EqualError(t, r.Err(), "revoked by alice at 2026-11-22T12:00:00Z: sent by mistake")
}
