//go:build integration

package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/tasks"
)

// A program gets the payload and the content type as they were enqueued, by the keys that a variable
// of the environment holds; what it says on stderr is nobody else's to read.
func TestEncryptedTasksOfPrograms(t *testing.T) {
	t.Parallel()
	vhost := brokertest.NewVhost(t)
	data, err := encryption.GenerateKeyset()
	require.NoError(t, err)
	keys, err := encryption.ParseKeyset(data)
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "out")
	listen := freeAddress(t)
	path := file(t, `
queues:
  email:
    routes: ["email.#"]
    handlers:
      "#": {exec: [sh, -c, 'cat > "$0"; echo "$WARREN_CONTENT_TYPE" >> "$0"; cat "$0" >&2; exit 65', "`+out+`"]}
encryption: {keyset: "${KEYS}"}
metrics: {listen: "`+listen+`"}
`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	exited := make(chan int, 1)
	environment := func(name string) (string, bool) {
		value, set := map[string]string{"WARREN_URL": vhost.URL, "KEYS": string(data)}[name]
		return value, set
	}
	go func() { exited <- newDaemon().Run(ctx, []string{"-c", path}, t.Output(), t.Output(), environment) }()
	require.Eventually(t, func() bool { return metrics.Check(ctx, listen) == nil }, patience, 10*time.Millisecond)

	client, err := broker.Connect(ctx, broker.Config{URLs: []string{vhost.URL}})
	require.NoError(t, err)
	defer client.Close()
	_, err = encryption.New(client, keys).Enqueue(ctx, tasks.Task{Key: "email.welcome", Payload: []byte("eve,"), ContentType: "text/csv"})
	require.NoError(t, err)
	var letters []tasks.Message
	require.Eventually(t, func() bool {
		require.NoError(t, client.Browse(ctx, "email.dead", 0, func(m tasks.Message) bool {
			letters = append(letters, m)
			return true
		}))
		return len(letters) > 0
	}, patience, 20*time.Millisecond)
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Equal(t, "eve,text/csv\n", string(text))
	task, err := tasks.Decode(letters[0], "email", time.Now())
	require.NoError(t, err)
	told := letters[0].Headers[tasks.HeaderError].(string)
	assert.NotContains(t, told, "eve")
	assert.Contains(t, keys.OpenError(&task, told), "eve,text/csv")
	stop()
	assert.Equal(t, daemon.ExitDone, <-exited)
}
