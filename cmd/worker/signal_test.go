//go:build integration

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/metrics"
)

// A first signal drains, however long the task takes; a second one ends the process at once. The
// task of the one is done, that of the other is in its queue again.
func TestSignals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		second os.Signal
		code   int
		left   int
	}{
		"one drains":        {nil, 0, 0},
		"SIGTERM and again": {syscall.SIGTERM, 128 + int(syscall.SIGTERM), 1},
		"then Ctrl-C":       {os.Interrupt, 128 + int(syscall.SIGINT), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vhost := brokertest.NewVhost(t)
			folder := t.TempDir()
			began, finish := filepath.Join(folder, "began"), filepath.Join(folder, "finish")
			listen := freeAddress(t)
			// The program outlives a worker that ends at once: it ends when the test's folder is gone.
			path := file(t, `
queues:
  slow:
    routes: ["slow.#"]
    handlers:
      "#": {exec: [sh, -c, 'touch "$0"; while [ -e "$0" ] && ! [ -e "$1" ]; do sleep 0.05; done', "`+began+`", "`+finish+`"]}
metrics: {listen: "`+listen+`"}
`)
			var stderr bytes.Buffer
			command := exec.Command(os.Args[0], "-c", path)
			command.Env = append(os.Environ(), asWorker+"=1", "WARREN_URL="+vhost.URL)
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
			require.Eventually(t, func() bool { return metrics.Check(t.Context(), listen) == nil }, patience, 10*time.Millisecond, "ready")
			conn, err := amqp.Dial(vhost.URL)
			require.NoError(t, err)
			defer func() { assert.NoError(t, conn.Close()) }()
			channel, err := conn.Channel()
			require.NoError(t, err)
			require.NoError(t, channel.PublishWithContext(t.Context(), "warren.tasks", "slow.x", false, false, amqp.Publishing{MessageId: "1"}))
			exists := func(path string) func() bool {
				return func() bool { _, err := os.Stat(path); return err == nil }
			}
			require.Eventually(t, exists(began), patience, 10*time.Millisecond, "the task runs")

			require.NoError(t, command.Process.Signal(syscall.SIGTERM))
			require.Eventually(t, func() bool { return metrics.Check(t.Context(), listen) != nil }, patience, 10*time.Millisecond, "it drains")
			select {
			case <-exited:
				require.FailNow(t, "it did not wait for its task", stderr.String())
			default:
			}
			if c.second != nil {
				require.NoError(t, command.Process.Signal(c.second))
			} else {
				require.NoError(t, os.WriteFile(finish, nil, 0o600))
			}
			select {
			case <-exited:
			case <-time.After(patience):
				require.FailNow(t, "it does not end")
			}
			assert.Equal(t, c.code, command.ProcessState.ExitCode(), stderr.String())
			require.Eventually(t, func() bool {
				q, err := channel.QueueDeclarePassive("slow", true, false, false, false, nil)
				require.NoError(t, err)
				return q.Messages == c.left && q.Consumers == 0
			}, patience, 10*time.Millisecond, "what is left in the queue")
		})
	}
}
