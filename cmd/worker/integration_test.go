//go:build integration

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/metrics"
)

// asWorker makes the test binary the command itself, for what needs a process of its own.
const asWorker = "WARREN_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		newDaemon().Main()
	}
	if count := os.Getenv(asEnqueuer); count != "" {
		if err := enqueueBatch(context.Background(), count); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	brokertest.Main(m)
}

const patience = 30 * time.Second

// A plain AMQP client publishes, a program and a web service run the tasks, what nobody wants is
// parked, and SIGTERM (the context's end) stops the worker with exit code 0.
func TestHandlersWithoutGo(t *testing.T) {
	vhost := brokertest.NewVhost(t)
	posted := make(chan string, 10)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posted <- fmt.Sprintf("%s %s %s", r.Header.Get("Warren-Routing-Key"), r.Header.Get("Warren-Queue"), body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer service.Close()
	out := filepath.Join(t.TempDir(), "out")
	listen := freeAddress(t)
	path := file(t, `
queues:
  email:
    routes: ["email.#"]
    handlers:
      "email.exec": {exec: [sh, -c, 'echo "$WARREN_ROUTING_KEY $WARREN_ATTEMPT $(cat)" >> "$0"', "`+out+`"]}
      "email.#": {http: {url: "`+service.URL+`"}}
  other:
    routes: ["other.#"]
metrics: {listen: "`+listen+`"}
`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	exited := make(chan int, 1)
	environment := func(name string) (string, bool) {
		if name == "WARREN_URL" {
			return vhost.URL, true
		}
		return "", false
	}
	go func() {
		exited <- newDaemon().Run(ctx, []string{"-c", path, "--queue", "email"}, t.Output(), t.Output(), environment)
	}()
	require.Eventually(t, func() bool { return metrics.Check(ctx, listen) == nil }, patience, 10*time.Millisecond)

	conn, err := amqp.Dial(vhost.URL)
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	channel, err := conn.Channel()
	require.NoError(t, err)
	for _, key := range []string{"email.exec", "email.welcome.eu", "other.x", "nobody.wants"} {
		require.NoError(t, channel.PublishWithContext(ctx, "warren.tasks", key, false, false, amqp.Publishing{Body: []byte(`{"n":1}`)}))
	}
	select {
	case text := <-posted:
		assert.Equal(t, `email.welcome.eu email {"n":1}`, text)
	case <-time.After(patience):
		require.FailNow(t, "nothing was posted")
	}
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(out)
		return strings.TrimSpace(string(text)) == `email.exec 1 {"n":1}`
	}, patience, 10*time.Millisecond)
	shown := ""
	require.Eventually(t, func() bool {
		shown = scrape(t, listen)
		return strings.Contains(shown, `warren_tasks_total{outcome="succeeded",pattern="email.exec",queue="email"} 1`) &&
			strings.Contains(shown, `warren_tasks_total{outcome="succeeded",pattern="email.#",queue="email"} 1`)
	}, patience, 10*time.Millisecond)
	for _, line := range []string{
		"warren_connected 1", "warren_schedule_entries 0", `warren_depth_up{source="amqp"} 1`, `warren_queue_ready{queue="email"} `,
		`warren_queue_dead{queue="other"} 0`, "warren_parked ", `warren_concurrency{queue="email"} 10`, "warren_history_waiting ",
	} {
		assert.Contains(t, shown, "\n"+line)
	}
	for queue, key := range map[string]string{"other": "other.x", "warren.unrouted": "nobody.wants"} {
		require.Eventually(t, func() bool {
			d, ok, err := channel.Get(queue, true)
			require.NoError(t, err)
			return ok && d.RoutingKey == key
		}, patience, 10*time.Millisecond, queue)
	}
	stop()
	select {
	case code := <-exited:
		assert.Equal(t, daemon.ExitDone, code)
	case <-time.After(patience):
		require.FailNow(t, "the worker does not stop")
	}
	q, err := channel.QueueDeclarePassive("email", true, false, false, false, nil)
	require.NoError(t, err)
	assert.Zero(t, q.Messages)
}

// scrape is what a worker shows at an address.
func scrape(t *testing.T, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	require.NoError(t, err)
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

// freeAddress is an address where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().String()
}
