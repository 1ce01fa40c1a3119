//go:build integration

package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/daemon"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/otlptest"
	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/tasks"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

// From the file to the queue: the topology is declared, each tick arrives as the task that it is,
// and the scheduler tells that it is ready.
func TestRunEmitsToABroker(t *testing.T) {
	vhost := brokertest.NewVhost(t)
	path := file(t, `
queues:
  reports: {routes: ["report.#"]}
schedules:
  secondly: {cron: "* * * * * *", tz: Asia/Tokyo, key: report.secondly, payload: {kind: full}, priority: 7}
metrics: {listen: "`+freeAddress(t)+`"}
`)
	collector := otlptest.New(t)
	env := map[string]string{"WARREN_URL": vhost.URL, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL}
	log, stop := background(t, env, "-c", path)
	log.Await(t, `"tick emitted"`, patience)
	o := runWith(t.Context(), env, "-c", path, "--health")
	assert.Equal(t, daemon.ExitDone, o.code, o.stderr)

	client, err := broker.Connect(t.Context(), broker.Config{URLs: []string{vhost.URL}})
	require.NoError(t, err)
	defer client.Close()
	deliveries := make(chan *broker.Delivery, 100)
	consumer, err := client.NewConsumer(broker.ConsumerConfig{
		Queue: "reports", Prefetch: 100, Deliver: func(d *broker.Delivery) { deliveries <- d },
	})
	require.NoError(t, err)
	defer consumer.Close()

	var before time.Time
	var traceParents []string
	for range 3 {
		select {
		case d := <-deliveries:
			require.NoError(t, d.Ack())
			task, err := tasks.Decode(d.Message, "reports", time.Now())
			require.NoError(t, err)
			assert.Equal(t, scheduler.TaskID("secondly", task.ScheduledFor), task.ID)
			assert.Equal(t, "report.secondly", task.Key)
			assert.Equal(t, "secondly", task.Schedule)
			assert.Equal(t, 7, task.Priority)
			assert.JSONEq(t, `{"kind":"full"}`, string(task.Payload))
			traceParents = append(traceParents, task.TraceParent)
			_, offset := task.ScheduledFor.Zone()
			assert.Equal(t, 9*60*60, offset, "told in the entry's zone")
			assert.False(t, time.Now().Before(task.ScheduledFor), "never early")
			if !before.IsZero() {
				assert.Equal(t, time.Second, task.ScheduledFor.Sub(before), "one after the other")
			}
			before = task.ScheduledFor
		case <-time.After(patience):
			require.FailNow(t, "no tick arrives", log.String())
		}
	}
	assert.Equal(t, daemon.ExitDone, stop())
	spans := collector.Spans()
	require.GreaterOrEqual(t, len(spans), len(traceParents))
	for i, parent := range traceParents { // each tick begins a trace
		assert.Equal(t, parent, spans[i].TraceParent())
		assert.Empty(t, spans[i].ParentSpanId)
		assert.Equal(t, "publish warren.tasks:report.secondly", spans[i].Name)
		assert.Equal(t, "secondly", spans[i].Attribute("warren.schedule"))
	}
}

// healthy waits until the scheduler answers with a status at /readyz, and a text. It must be alive meanwhile.
func healthy(t *testing.T, listen string, want int, wantText string) {
	t.Helper()
	get := func(path string) (status int, text string) {
		resp, err := http.Get("http://" + listen + path)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	require.Eventually(t, func() bool {
		status, text := get("/healthz")
		require.Equal(t, http.StatusOK, status, text)
		status, text = get("/readyz")
		return status == want && strings.Contains(text, wantText)
	}, 2*patience, 20*time.Millisecond, "%d %s", want, wantText)
}

// While the broker is away ticks are late, and none is lost: each comes with its own time. The scheduler is
// not ready meanwhile, and alive.
func TestRunOutlivesABroker(t *testing.T) {
	b := brokertest.Private(t)
	listen := freeAddress(t)
	path := file(t, `
queues:
  reports: {routes: ["report.#"]}
schedules:
  secondly: {cron: "* * * * * *", key: report.secondly, catch_up: {policy: all, spacing: 0s}}
metrics: {listen: "`+listen+`"}
`)
	log, stop := background(t, map[string]string{"WARREN_URL": b.URL}, "-c", path)
	log.Await(t, "tick emitted", patience)
	healthy(t, listen, http.StatusOK, "ready")
	require.NoError(t, b.Stop(t.Context()))
	log.Await(t, "no connection to RabbitMQ", patience)
	healthy(t, listen, http.StatusServiceUnavailable, "not connected")
	away := time.Now()
	require.NoError(t, b.Start(t.Context()))
	healthy(t, listen, http.StatusOK, "ready")

	client, err := broker.Connect(t.Context(), broker.Config{URLs: []string{b.URL}})
	require.NoError(t, err)
	defer client.Close()
	deliveries := make(chan *broker.Delivery, 1000)
	consumer, err := client.NewConsumer(broker.ConsumerConfig{
		Queue: "reports", Prefetch: 1000, Deliver: func(d *broker.Delivery) { deliveries <- d },
	})
	require.NoError(t, err)
	defer consumer.Close()

	var last time.Time // the ticks up to here came without a gap
	for last.Before(away.Add(5 * time.Second)) {
		select {
		case d := <-deliveries:
			require.NoError(t, d.Ack())
			task, err := tasks.Decode(d.Message, "reports", time.Now())
			require.NoError(t, err)
			if !last.IsZero() && task.ScheduledFor.After(last) {
				require.Equal(t, last.Add(time.Second), task.ScheduledFor, "a tick is missing")
			}
			if task.ScheduledFor.After(last) {
				last = task.ScheduledFor
			}
		case <-time.After(patience):
			require.FailNow(t, "no tick arrives", log.String())
		}
	}
	assert.Equal(t, daemon.ExitDone, stop())
}

// The entries are read anew when the file changes, and on SIGHUP. A file that is wrong changes nothing.
func TestRunReloads(t *testing.T) {
	vhost := brokertest.NewVhost(t)
	text := `
queues:
  reports: {routes: ["report.#"]}
schedules:
  first: {cron: "* * * * * *", key: report.first}
`
	path := file(t, text)
	write := func(text string) {
		t.Helper()
		require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
	log, stop := background(t, map[string]string{"WARREN_URL": vhost.URL}, "-c", path)
	log.Await(t, `"tick emitted","entry":"first"`, patience)
	write(text + "  broken: {cron: never, key: report.broken}\n")
	log.Await(t, "the configuration is not reloaded", patience)
	log.Await(t, path+":6: schedules.broken.cron", patience)
	write(text + "  second: {cron: '* * * * * *', key: report.second}\n")
	log.Await(t, `"tick emitted","entry":"second"`, patience)
	write(text + "  second: {every: 1s, key: report.third}\nqueues2: {}\n")
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	log.Await(t, "queues2: unknown field", patience)
	assert.Equal(t, daemon.ExitDone, stop())
}

// What the broker refuses for good is no reason to wait: the operator is told at once.
func TestRunFailsWhereItIsRefused(t *testing.T) {
	vhost := brokertest.NewVhost(t)
	o := runWith(t.Context(), map[string]string{"WARREN_URL": vhost.URL + "-gone"}, "-c", file(t, minutely))
	assert.Equal(t, daemon.ExitFailed, o.code, o.stderr)
}
