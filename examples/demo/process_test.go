package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// start starts this test's binary as a process with a behaviour.
func start(t *testing.T, behaviour string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p, err := startProcess(self, "warren.yaml", t.TempDir(), append(os.Environ(), childVariable+"="+behaviour))
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.stop() })
	return p
}

func TestProcessIsReadyAndStops(t *testing.T) {
	p := start(t, "serve")
	require.NoError(t, p.awaitReady(t.Context()))
	assert.NoError(t, p.alive())
	assert.NoError(t, p.stop())
	assert.NoError(t, p.stop(), "again")
	assert.NoError(t, p.alive(), "it was asked to end")
	log, err := os.ReadFile(p.logPath)
	require.NoError(t, err)
	assert.Contains(t, string(log), "arguments: -c warren.yaml")
}

func TestProcessThatFailsInTheEnd(t *testing.T) {
	p := start(t, "fail in the end")
	require.NoError(t, p.awaitReady(t.Context()))
	assert.ErrorContains(t, p.stop(), "did not end well (exit status 4)")
}

func TestProcessThatFailsAtOnce(t *testing.T) {
	p := start(t, "fail at once")
	err := p.awaitReady(t.Context())
	require.ErrorContains(t, err, "ended before it was ready (exit status 3)")
	require.ErrorContains(t, err, "arguments: -c warren.yaml", "the end of its output")
	assert.NoError(t, p.stop(), "it was told")
}

func TestProcessThatIsKilled(t *testing.T) {
	p := start(t, "serve")
	require.NoError(t, p.awaitReady(t.Context()))
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGKILL))
	<-p.ended
	require.ErrorContains(t, p.alive(), "ended by itself (signal: killed)")
	assert.NoError(t, p.stop(), "it was told")
}

func TestProcessThatCannotBeStarted(t *testing.T) {
	_, err := startProcess(filepath.Join(t.TempDir(), "worker"), "warren.yaml", t.TempDir(), nil)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestLogTailIsOfWholeLines(t *testing.T) {
	p := &process{logPath: filepath.Join(t.TempDir(), "log")}
	text := strings.Repeat("x", logTailSize-len("\none\ntwo")+1) + "\none\ntwo\n"
	require.NoError(t, os.WriteFile(p.logPath, []byte(text), 0o600))
	assert.Equal(t, "  one\n  two", p.logTail())
}
