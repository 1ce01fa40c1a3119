package main

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shell is a peer whose process is some shell.
func shell(script string) *peer {
	return &peer{name: "shell", command: []string{"/bin/sh", "-c", script}}
}

const greets = `echo '{"versions":"shell 1"}'; `

func TestPeerProcess(t *testing.T) {
	p := shell(greets + `while read -r line; do echo '{"count":4,"seconds":2}'; done`)
	run, err := startPeer(t.Context(), p, "", 0, 256)
	require.NoError(t, err)
	assert.Equal(t, "shell 1", run.hello.Versions)
	var a answer
	used, err := run.watched(func() (err error) {
		a, err = run.ask(t.Context(), request{Do: doDrain, Count: 4})
		return err
	})
	require.NoError(t, err)
	assert.InDelta(t, 2, a.rate(), 0)
	assert.True(t, used.clientIsKnown)
	assert.Positive(t, used.clientPeak)
	assert.False(t, used.serverKnown)
	assert.True(t, math.IsNaN(used.serverPeak))
	assert.NoError(t, run.close())
}

func TestPeerProcessFails(t *testing.T) {
	_, err := startPeer(t.Context(), shell("echo no such module >&2; exit 3"), "", 0, 256)
	require.ErrorContains(t, err, "no such module")
	_, err = startPeer(t.Context(), shell("echo hello"), "", 0, 256)
	require.ErrorContains(t, err, "hello")

	run, err := startPeer(t.Context(), shell(greets+`read -r line; echo '{"error":"no disk"}'; read -r line; echo '{"count":0}'; read -r line; exit 3`), "", 0, 256)
	require.NoError(t, err)
	_, err = run.ask(t.Context(), request{Do: doBoth})
	assert.ErrorContains(t, err, "both: no disk")
	_, err = run.ask(t.Context(), request{Do: doDrain})
	assert.ErrorIs(t, err, errGivenUp, "nothing was run")
	_, err = run.ask(t.Context(), request{Do: doDrain})
	assert.ErrorContains(t, err, "has ended")
	assert.ErrorContains(t, run.close(), "exit status 3")
}

// A process that says nothing is left when its time is over, and killed with those that it has started.
func TestPeerProcessIsKilled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	run, err := startPeer(ctx, shell(greets+"sleep 600 & wait"), "", 0, 256)
	require.NoError(t, err)
	assert.ErrorIs(t, run.read(ctx, time.Millisecond, &answer{}), errGivenUp)
	cancel()
	_, err = run.ask(ctx, request{Do: doDrain})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Error(t, run.close())
}

func TestPerTask(t *testing.T) {
	assert.InDelta(t, 50, perTask(time.Second, true, 20_000), 0)
	assert.True(t, math.IsNaN(perTask(time.Second, false, 20_000)))
}
