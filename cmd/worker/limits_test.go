//go:build integration

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/daemon"
)

// What warren.yaml says of a handler's concurrency, of a queue's rate and of its retries holds.
func TestLimitsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	vhost := brokertest.NewVhost(t)
	var mu sync.Mutex
	running, most := map[string]int{}, map[string]int{}
	times := map[string][]time.Time{}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Warren-Routing-Key")
		mu.Lock()
		running[key]++
		most[key] = max(most[key], running[key])
		times[key] = append(times[key], time.Now())
		mu.Unlock()
		if key == "email.narrow" || key == "email.wide" {
			select { // so that those that may run side by side do
			case <-time.After(50 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
		mu.Lock()
		running[key]--
		mu.Unlock()
		if key == "linear.x" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer service.Close()
	path := file(t, `
queues:
  email:
    routes: ["email.#"]
    handlers:
      "email.narrow": {http: {url: "`+service.URL+`"}, concurrency: 1}
      "email.#": {http: {url: "`+service.URL+`"}}
    concurrency: 4
  paced:
    routes: ["paced.#"]
    handlers: {"#": {http: {url: "`+service.URL+`"}}}
    rate_limit: {per_second: 10, burst: 1}
  linear:
    routes: ["linear.#"]
    handlers: {"#": {http: {url: "`+service.URL+`"}}}
    retry: {max_attempts: 3, backoff: linear, initial: 200ms, jitter: 0}
`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	exited := make(chan int, 1)
	go func() {
		exited <- newDaemon().Run(ctx, []string{"-c", path}, t.Output(), t.Output(), func(name string) (string, bool) {
			if name == "WARREN_URL" {
				return vhost.URL, true
			}
			return "", false
		})
	}()
	conn, err := amqp.Dial(vhost.URL)
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	declared := func() bool {
		channel, err := conn.Channel() // closed by the broker while the queue is not there
		require.NoError(t, err)
		defer func() { _ = channel.Close() }()
		for _, queue := range []string{"email", "paced", "linear"} {
			if q, err := channel.QueueDeclarePassive(queue, true, false, false, false, nil); err != nil || q.Consumers == 0 {
				return false
			}
		}
		return true
	}
	require.Eventually(t, declared, patience, 20*time.Millisecond)
	channel, err := conn.Channel()
	require.NoError(t, err)
	const count = 6
	began := time.Now()
	for range count {
		for _, key := range []string{"email.narrow", "email.wide", "paced.x"} {
			require.NoError(t, channel.PublishWithContext(ctx, "warren.tasks", key, false, false, amqp.Publishing{MessageId: "1"}))
		}
	}
	require.NoError(t, channel.PublishWithContext(ctx, "warren.tasks", "linear.x", false, false, amqp.Publishing{MessageId: "1"}))
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(times["email.narrow"]) == count && len(times["email.wide"]) == count && len(times["paced.x"]) == count && len(times["linear.x"]) == 3
	}, patience, 10*time.Millisecond)
	mu.Lock()
	assert.Equal(t, 1, most["email.narrow"])
	assert.Greater(t, most["email.wide"], 1)
	assert.LessOrEqual(t, most["email.wide"], 4)
	took := func(key string, from, to int) time.Duration { return times[key][to].Sub(times[key][from]) }
	assert.GreaterOrEqual(t, times["paced.x"][count-1].Sub(began), (count-1)*100*time.Millisecond)
	assert.GreaterOrEqual(t, took("linear.x", 0, 1), 199*time.Millisecond)
	assert.GreaterOrEqual(t, took("linear.x", 1, 2), 399*time.Millisecond)
	mu.Unlock()
	stop()
	select {
	case code := <-exited:
		assert.Equal(t, daemon.ExitDone, code)
	case <-time.After(patience):
		require.FailNow(t, "the worker does not stop")
	}
}
