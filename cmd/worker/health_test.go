//go:build integration

package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
)

// ask is what a process answers at an address: the status, and the text.
func ask(t *testing.T, listen, path string) (status int, text string) {
	t.Helper()
	resp, err := http.Get("http://" + listen + path)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// Ready, not ready while RabbitMQ is away and while it drains, alive all the time; and systemd is told of all
// of it.
func TestHealthOverARestart(t *testing.T) {
	t.Parallel()
	b := brokertest.Private(t)
	folder := t.TempDir()
	socket, listen := filepath.Join(folder, "notify"), freeAddress(t)
	began, finish := filepath.Join(folder, "began"), filepath.Join(folder, "finish")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	defer func() { assert.NoError(t, systemd.Close()) }()
	told := func(want string) { // sooner or later
		t.Helper()
		buffer := make([]byte, 4096)
		for {
			require.NoError(t, systemd.SetReadDeadline(time.Now().Add(2*patience)))
			n, err := systemd.Read(buffer)
			require.NoError(t, err, want)
			if strings.Contains(string(buffer[:n]), want) {
				return
			}
		}
	}
	path := file(t, `
queues:
  slow:
    routes: ["slow.#"]
    handlers:
      "#": {exec: [sh, -c, "echo > $0; until [ -e $1 ]; do sleep 0.05; done", "`+began+`", "`+finish+`"]}
metrics: {listen: "`+listen+`"}
shutdown: {grace: 20s}
`)
	var stderr bytes.Buffer
	command := exec.Command(os.Args[0], "-c", path)
	command.Env = append(os.Environ(), asWorker+"=1", "WARREN_URL="+b.URL, "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=1000000")
	command.Stderr = &stderr
	require.NoError(t, command.Start())
	exited := make(chan struct{})
	go func() {
		_ = command.Wait() // its state tells
		close(exited)
	}()
	defer func() {
		_ = command.Process.Kill() // where a check has failed
		<-exited
	}()
	answers := func(wantReady int, wantText string) {
		t.Helper()
		var text string
		require.Eventually(t, func() bool {
			status, alive := ask(t, listen, "/healthz")
			if status != 0 { // it listens
				require.Equal(t, http.StatusOK, status, alive)
			}
			status, text = ask(t, listen, "/readyz")
			return status == wantReady && strings.Contains(text, wantText)
		}, 2*patience, 20*time.Millisecond, "%d %s", wantReady, wantText)
	}
	told("READY=1\nSTATUS=ready\n")
	answers(http.StatusOK, "ready")
	require.NoError(t, b.Stop(t.Context()))
	answers(http.StatusServiceUnavailable, "not connected")
	told("STATUS=not connected")
	told("WATCHDOG=1\n")
	require.NoError(t, b.Start(t.Context()))
	answers(http.StatusOK, "ready")
	told("STATUS=ready\n")

	conn, err := amqp.Dial(b.URL)
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	channel, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, channel.PublishWithContext(t.Context(), "warren.tasks", "slow.x", false, false, amqp.Publishing{MessageId: "1"}))
	require.Eventually(t, func() bool { _, err := os.Stat(began); return err == nil }, patience, 10*time.Millisecond, "the task runs")
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	answers(http.StatusServiceUnavailable, "the worker does not run")
	told("STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000")
	require.NoError(t, os.WriteFile(finish, nil, 0o600))
	select {
	case <-exited:
	case <-time.After(patience):
		require.FailNow(t, "it does not end")
	}
	assert.Zero(t, command.ProcessState.ExitCode(), stderr.String())
}
