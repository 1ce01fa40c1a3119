//go:build integration

package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/tasks"
)

// Ticks are encrypted too.
func TestRunEncrypts(t *testing.T) {
	vhost := brokertest.NewVhost(t)
	data, err := encryption.GenerateKeyset()
	require.NoError(t, err)
	keys, err := encryption.ParseKeyset(data)
	require.NoError(t, err)
	path := file(t, `
queues: {reports: {routes: ["report.#"]}}
schedules: {secondly: {cron: "* * * * * *", key: report.secondly, payload: {kind: full}}}
encryption: {keyset: "${KEYS}"}
guard:
`)
	log, stop := background(t, map[string]string{"WARREN_URL": vhost.URL, "KEYS": string(data)}, "-c", path)
	log.Await(t, "tick emitted", patience)
	client, err := broker.Connect(t.Context(), broker.Config{URLs: []string{vhost.URL}})
	require.NoError(t, err)
	defer client.Close()
	deliveries := make(chan *broker.Delivery, 1)
	consumer, err := client.NewConsumer(broker.ConsumerConfig{Queue: "reports", Prefetch: 1, Deliver: func(d *broker.Delivery) { deliveries <- d }})
	require.NoError(t, err)
	defer consumer.Close()
	select {
	case d := <-deliveries:
		task, err := tasks.Decode(d.Message, "reports", time.Now())
		require.NoError(t, err)
		assert.NotContains(t, string(task.Payload), "full")
		opened, err := keys.Open(&task)
		require.NoError(t, err)
		assert.JSONEq(t, `{"kind":"full"}`, string(opened.Payload))
	case <-time.After(patience):
		require.FailNow(t, "no tick arrives", log.String())
	}
	assert.Equal(t, daemon.ExitDone, stop())

	missing := filepath.Join(t.TempDir(), "keyset.json")
	o := runWith(t.Context(), nil, "-c", file(t, minutely+"encryption: {keyset: '"+missing+"'}"))
	assert.Equal(t, daemon.ExitUsage, o.code)
	assert.Contains(t, o.stderr, "encryption.keyset: open "+missing)
}
