//go:build integration

package main

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/metrics"
)

// However a worker ends, nothing is left of the program that it ran, and the task is either done or
// in its queue again. A first signal drains for the grace period, a second one ends the process.
func TestSignals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first  syscall.Signal
		second syscall.Signal // none: the program may end
		grace  string
		trap   string // of the program
		child  string // what it starts beside its work
		code   int
		left   int
	}{
		"one drains":             {first: syscall.SIGTERM},
		"SIGTERM and again":      {first: syscall.SIGTERM, second: syscall.SIGTERM, child: "sleep 1000 &", code: 128 + 15, left: 1},
		"then Ctrl-C, ignored":   {first: syscall.SIGTERM, second: syscall.SIGINT, trap: "'' TERM INT HUP", child: "sleep 1000 &", code: 128 + 2, left: 1},
		"the grace is over":      {first: syscall.SIGINT, grace: "100ms", trap: "'exit 0' TERM", child: "sleep 1000 &", left: 1},
		"and SIGTERM is ignored": {first: syscall.SIGINT, grace: "100ms", trap: "'' TERM", child: "sleep 1000 &", left: 1},
		"kill -9":                {first: syscall.SIGKILL, trap: "'' TERM INT HUP", code: -1, left: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vhost := brokertest.NewVhost(t)
			folder := t.TempDir()
			began, finish := filepath.Join(folder, "began"), filepath.Join(folder, "finish")
			listen := freeAddress(t)
			path := file(t, `
queues:
  slow:
    routes: ["slow.#"]
    handlers:
      "#": {exec: [sh, -c, "trap `+cmp.Or(c.trap, "- TERM")+`; `+c.child+` echo $$ >$0.new; mv $0.new $0; until [ -e $1 ]; do sleep 0.05; done", "`+began+`", "`+finish+`"]}
metrics: {listen: "`+listen+`"}
shutdown: {grace: `+cmp.Or(c.grace, "30s")+`}
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
			var text []byte
			require.Eventually(t, func() bool { text, err = os.ReadFile(began); return err == nil }, patience, 10*time.Millisecond, "the task runs")
			group, err := strconv.Atoi(strings.TrimSpace(string(text)))
			require.NoError(t, err)

			require.NoError(t, command.Process.Signal(c.first))
			require.Eventually(t, func() bool { return metrics.Check(t.Context(), listen) != nil }, patience, 10*time.Millisecond, "it drains")
			if c.grace == "" && c.first != syscall.SIGKILL {
				select {
				case <-exited:
					require.FailNow(t, "it did not wait for its task", stderr.String())
				default:
				}
				if c.second != 0 {
					require.NoError(t, command.Process.Signal(c.second))
				} else {
					require.NoError(t, os.WriteFile(finish, nil, 0o600))
				}
			}
			select {
			case <-exited:
			case <-time.After(patience):
				require.FailNow(t, "it does not end")
			}
			assert.Equal(t, c.code, command.ProcessState.ExitCode(), stderr.String())
			require.Eventually(t, func() bool {
				return errors.Is(syscall.Kill(-group, 0), syscall.ESRCH)
			}, patience, 10*time.Millisecond, "nothing of the program is left")
			require.Eventually(t, func() bool {
				q, err := channel.QueueDeclarePassive("slow", true, false, false, false, nil)
				require.NoError(t, err)
				return q.Messages == c.left && q.Consumers == 0
			}, patience, 10*time.Millisecond, "what is left in the queue")
		})
	}
}
