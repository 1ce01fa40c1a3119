//go:build integration

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// A task that kills the process of its worker each time ends as a dead letter; those that were
// prefetched beside it, and so given out again as often, are done.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			vhost := brokertest.NewVhost(t)
			out := filepath.Join(t.TempDir(), "out")
			// Below some 160 ms a delay is waited for in the worker's hands, where the next death finds it.
			path := file(t, `
queues:
  crash:
    routes: ["crash.#"]
    type: `+kind+`
    handlers:
      "crash.culprit": {exec: [sh, -c, 'kill -9 $PPID']}
      "crash.innocent": {exec: [sh, -c, 'echo "$WARREN_TASK_ID" >> "$0"', "`+out+`"]}
    concurrency: 4
    retry: {initial: 400ms, max: 400ms}
`)
			start := func() (exited chan struct{}) {
				command := exec.Command(os.Args[0], "-c", path)
				command.Env = append(os.Environ(), asWorker+"=1", "WARREN_URL="+vhost.URL)
				require.NoError(t, command.Start())
				exited = make(chan struct{})
				go func() {
					_ = command.Wait() // it is killed
					close(exited)
				}()
				t.Cleanup(func() { _ = command.Process.Kill(); <-exited })
				return exited
			}
			client, err := broker.Connect(t.Context(), broker.Config{URLs: []string{vhost.URL}})
			require.NoError(t, err)
			defer client.Close()
			conn, err := amqp.Dial(vhost.URL)
			require.NoError(t, err)
			defer func() { assert.NoError(t, conn.Close()) }()
			channel, err := conn.Channel()
			require.NoError(t, err)
			const innocents = 60
			publish := func() {
				for i := range innocents {
					key, id := "crash.innocent", fmt.Sprintf("innocent-%02d", i)
					if i == innocents/4 {
						key, id = "crash.culprit", "culprit"
					}
					require.NoError(t, channel.PublishWithContext(t.Context(), "warren.tasks", key, false, false, amqp.Publishing{MessageId: id}))
				}
			}
			var letter *tasks.Message
			depth := func(queue string) broker.Depth { // none where it is not declared yet
				depths, err := client.Depths(t.Context(), queue)
				assert.NoError(t, err)
				return depths[queue]
			}
			deaths, published := 0, false
			ended := start()
			require.Eventually(t, func() bool {
				if !published {
					if depth("crash").Consumers > 0 {
						publish()
						published = true
					}
				}
				select {
				case <-ended:
					deaths++
					ended = start()
				default:
				}
				return depth("crash.dead").Ready > 0
			}, 2*time.Minute, 50*time.Millisecond, "the culprit dies in the end")
			require.NoError(t, client.Browse(t.Context(), "crash.dead", 0, func(m tasks.Message) bool { letter = &m; return true }))
			assert.Equal(t, "culprit", letter.MessageID)
			assert.Equal(t, string(tasks.ReasonCrashLoop), letter.Headers[tasks.HeaderDeadReason])
			assert.Contains(t, letter.Headers[tasks.HeaderError], "given out 20 times again")
			assert.Equal(t, 20, deaths, "it ran twenty times")
			var done []string
			require.Eventually(t, func() bool {
				text, _ := os.ReadFile(out) // none yet
				done = strings.Fields(string(text))
				slices.Sort(done)
				return len(slices.Compact(slices.Clone(done))) == innocents-1
			}, patience, 10*time.Millisecond, "all others are done")
			assert.Equal(t, 1, depth("crash.dead").Ready, "and none of them is dead")
			t.Logf("%d deaths, %d runs of %d innocents", deaths, len(done), innocents-1)
		})
	}
}
