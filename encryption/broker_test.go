//go:build integration

package encryption

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/logtest"
	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

const patience = 30 * time.Second

// reveals reports whether a message shows the secret in any form that it may have been given.
func reveals(m tasks.Message) bool {
	whole := fmt.Sprintf("%s %v %s", m.Body, m, m.ContentType)
	return bytes.Contains([]byte(whole), []byte(secret)) ||
		bytes.Contains([]byte(whole), []byte(base64.StdEncoding.EncodeToString([]byte(secret)))[:12])
}

// The queue, the dead letters and the log hold ciphertext only: of payloads, errors and panics. With
// the keys the letters can be read, and one that is published again under its key and ID runs.
func TestTheBrokerHoldsCiphertext(t *testing.T) {
	t.Parallel()
	vhost := brokertest.NewVhost(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	keys, _ := newKeys(t)
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{vhost.URL}})
	require.NoError(t, err)
	defer client.Close()

	var mended atomic.Bool
	done := make(chan string, 10)
	mux := tasks.NewMux()
	mux.HandleFunc("vault.*", func(ctx context.Context, task *tasks.Task) error {
		switch {
		case task.Key == "vault.ok" || mended.Load():
			tasks.SetResult(ctx, tasks.Result{ContentType: "text/plain", Body: task.Payload})
			done <- task.Key + " " + task.ContentType + " " + string(task.Payload)
			return nil
		case task.Key == "vault.panic":
			panic(string(task.Payload))
		default:
			return tasks.RetryAfter(time.Millisecond, errors.New("no such user: "+string(task.Payload)))
		}
	})
	log := &logtest.Log{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w, err := worker.New(client, worker.Config{
		Log: logger,
		Queues: []worker.Queue{{
			Name: "vault", Routes: []string{"vault.#"}, Mux: mux, Retry: tasks.RetryPolicy{MaxAttempts: 2, Initial: time.Millisecond},
			Middleware: []tasks.Middleware{middleware.Logging(logger), Middleware(keys, Config{Log: logger, Required: true})},
		}},
	})
	require.NoError(t, err)

	route, err := routing.ParsePattern("vault.#")
	require.NoError(t, err)
	require.NoError(t, client.Declare(ctx, routing.Spec{Queues: []routing.QueueSpec{{Name: "vault", Routes: []routing.Pattern{route}}}}))
	to := New(client, keys)
	for _, key := range []string{"vault.ok", "vault.fail", "vault.panic"} {
		_, err := to.Enqueue(ctx, tasks.Task{Key: key, ID: key, Payload: []byte(secret), ContentType: "text/plain"})
		require.NoError(t, err)
	}
	moved, err := keys.Seal(tasks.Task{Key: "vault.fail", Payload: []byte(secret)})
	require.NoError(t, err)
	moved.Key, moved.ID = "vault.ok", "moved"
	for _, task := range []tasks.Task{moved, {Key: "vault.ok", ID: "plain"}} {
		_, err = client.Enqueue(ctx, task)
		require.NoError(t, err)
	}
	for _, m := range take(ctx, t, client, "vault", 5) {
		assert.False(t, reveals(m), "%v", m)
	}

	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(running) }()
	defer func() {
		stop()
		assert.NoError(t, <-ended)
		assert.NotContains(t, log.String(), secret)
		assert.Contains(t, log.String(), sealedMark)
	}()
	receive := func() string {
		t.Helper()
		select {
		case text := <-done:
			return text
		case <-ctx.Done():
			require.FailNow(t, "nothing has run", log.String())
			return ""
		}
	}
	assert.Equal(t, "vault.ok text/plain "+secret, receive())

	letters := map[string]tasks.Message{}
	for _, m := range take(ctx, t, client, "vault.dead", 4) {
		letters[m.MessageID] = m
		assert.False(t, reveals(m), "%v", m)
	}
	require.Len(t, letters, 4)
	for id, reason := range map[string]tasks.Reason{
		"vault.fail": tasks.ReasonAttemptsExhausted, "vault.panic": tasks.ReasonAttemptsExhausted,
		"moved": tasks.ReasonUndecryptable, "plain": tasks.ReasonUndecryptable,
	} {
		assert.Equal(t, string(reason), letters[id].Headers[tasks.HeaderDeadReason], id)
	}
	for id, says := range map[string]string{"vault.fail": "no such user: " + secret, "vault.panic": "handler panicked: " + secret} {
		task, err := tasks.Decode(letters[id], "vault", time.Now())
		require.NoError(t, err)
		opened, err := keys.Open(&task)
		require.NoError(t, err)
		assert.Equal(t, secret, string(opened.Payload))
		assert.Equal(t, says, keys.OpenError(&task, letters[id].Headers[tasks.HeaderError].(string)))
		require.Len(t, opened.Errors, 2)
		assert.Contains(t, opened.Errors[0], says)
	}

	waiter := NewWaiter(client, keys)
	reply, err := waiter.EnqueueAndWait(ctx, tasks.Task{Key: "vault.ok", Payload: []byte(secret)}, tasks.Wait{})
	require.NoError(t, err)
	assert.Equal(t, "text/plain "+secret, reply.ContentType+" "+string(reply.Body))
	receive()
	_, err = waiter.EnqueueAndWait(ctx, tasks.Task{Key: "vault.panic", Payload: []byte(secret), MaxAttempts: 1}, tasks.Wait{})
	var remote *tasks.RemoteError
	require.ErrorAs(t, err, &remote)
	assert.Equal(t, "handler panicked: "+secret, remote.Text)

	mended.Store(true)
	letter := letters["vault.fail"] // published again, as a replay does
	_, err = client.Enqueue(ctx, tasks.Task{
		Key: letter.Headers[tasks.HeaderRoutingKey].(string), ID: letter.MessageID, Payload: letter.Body,
		ContentType: letter.ContentType, KeyID: letter.Headers[tasks.HeaderKeyID].(string),
	})
	require.NoError(t, err)
	assert.Equal(t, "vault.fail text/plain "+secret, receive())
}

// take waits for a number of messages of a queue, gives them back, and returns them.
func take(ctx context.Context, t *testing.T, client *broker.Client, queue string, n int) []tasks.Message {
	t.Helper()
	deliveries := make(chan *broker.Delivery, n)
	consumer, err := client.NewConsumer(broker.ConsumerConfig{Queue: queue, Prefetch: n, Deliver: func(d *broker.Delivery) { deliveries <- d }})
	require.NoError(t, err)
	defer consumer.Close()
	var messages []tasks.Message
	for range n {
		select {
		case d := <-deliveries:
			messages = append(messages, d.Message)
		case <-ctx.Done():
			require.FailNow(t, "too few messages in "+queue, "%d", len(messages))
		}
	}
	require.NoError(t, consumer.Cancel(ctx))
	return messages // closing the session gives them back
}
