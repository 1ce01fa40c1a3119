//go:build integration

package metrics_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

const patience = 60 * time.Second

// fixture is a client on a virtual host of its own, and a registry.
type fixture struct {
	t        *testing.T
	vhost    brokertest.Vhost
	client   *broker.Client
	log      *slog.Logger
	registry *prometheus.Registry
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, vhost: brokertest.NewVhost(t), log: slog.New(slog.NewTextHandler(t.Output(), nil)), registry: prometheus.NewPedanticRegistry()}
	f.client = f.connect()
	return f
}

func (f *fixture) connect() *broker.Client {
	f.t.Helper()
	client, err := broker.Connect(f.t.Context(), broker.Config{URLs: []string{f.vhost.URL}, Management: f.vhost.Management, Log: f.log})
	require.NoError(f.t, err)
	f.t.Cleanup(client.Close)
	return client
}

// scrape is what /metrics shows.
func (f *fixture) scrape() string {
	f.t.Helper()
	answer := httptest.NewRecorder()
	metrics.Handler(f.registry, f.log).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(f.t, 200, answer.Code)
	return answer.Body.String()
}

// shows waits until a scrape shows all of these lines.
func (f *fixture) shows(lines ...string) {
	f.t.Helper()
	var shown string
	ok := assert.Eventually(f.t, func() bool {
		shown = f.scrape()
		for _, line := range lines {
			if !strings.Contains(shown, "\n"+line+"\n") {
				return false
			}
		}
		return true
	}, patience, 10*time.Millisecond)
	if !ok {
		require.FailNow(f.t, "not shown", "%s\nin\n%s", strings.Join(lines, "\n"), regexp.MustCompile(`(?m)^(#|.*_bucket).*\n`).ReplaceAllString(shown, ""))
	}
}

// What becomes of tasks of each kind on a real RabbitMQ is in the numbers.
func TestWorker(t *testing.T) {
	t.Parallel()
	f := setup(t)
	release := make(chan struct{})
	mux := tasks.NewMux()
	mux.HandleFunc("email.*", func(context.Context, *tasks.Task) error { return nil })
	mux.HandleFunc("email.fails", func(context.Context, *tasks.Task) error { return errors.New("refused") })
	mux.HandleFunc("email.bad", func(context.Context, *tasks.Task) error { return tasks.Permanent(errors.New("no user")) })
	mux.HandleFunc("email.long", func(context.Context, *tasks.Task) error { <-release; return nil })
	counted := metrics.NewTasks(metrics.Queue{Name: "email", Mux: mux})
	w, err := worker.New(f.client, worker.Config{
		Queues: []worker.Queue{{
			Name: "email", Routes: []string{"email.#"}, Mux: mux, Concurrency: 1, Prefetch: 2, // fixed: a change has two consumers for a moment
			Retry: tasks.RetryPolicy{MaxAttempts: 2, Initial: time.Millisecond, Max: time.Millisecond},
		}},
		Events: counted, Log: f.log,
	})
	require.NoError(t, err)
	f.registry.MustRegister(counted, metrics.NewWorker(w.Stats), metrics.NewClient(f.client.Stats))
	f.shows(`warren_prefetch{queue="email"} 0`, `warren_concurrency{queue="email"} 1`, `warren_connected 1`, `warren_blocked 0`)

	running, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(running) }()
	f.shows(`warren_prefetch{queue="email"} 2`, `warren_queue_paused{queue="email"} 0`)
	producer := f.connect()
	for _, key := range []string{"email.good", "email.fails", "email.bad", "email.no.handler", "nobody.wants.this"} {
		_, err := producer.Public().Enqueue(t.Context(), tasks.Task{Key: key})
		require.NoError(t, err)
	}
	_, err = producer.Enqueue(t.Context(), tasks.Task{Key: "nobody.wants.this"})
	require.ErrorIs(t, err, broker.ErrUnroutable)
	f.shows(
		`warren_tasks_total{outcome="succeeded",pattern="email.*",queue="email"} 1`,
		`warren_tasks_total{outcome="retried",pattern="email.fails",queue="email"} 1`,
		`warren_tasks_total{outcome="dead",pattern="email.fails",queue="email"} 1`,
		`warren_tasks_total{outcome="dead",pattern="email.bad",queue="email"} 1`,
		`warren_tasks_total{outcome="dead",pattern="",queue="email"} 1`,
		`warren_tasks_dead_total{queue="email",reason="attempts-exhausted"} 1`,
		`warren_tasks_dead_total{queue="email",reason="permanent"} 1`,
		`warren_tasks_dead_total{queue="email",reason="no-handler"} 1`,
		`warren_task_duration_seconds_count{pattern="email.fails",queue="email"} 2`,
		`warren_task_wait_seconds_count{pattern="email.fails",queue="email"} 2`,
		`warren_tasks_running{queue="email"} 0`,
	)
	assert.Equal(t, broker.ClientStats{Connected: true, Confirmed: 5, Unroutable: 1}, producer.Stats())

	for range 2 {
		_, err := f.client.Enqueue(t.Context(), tasks.Task{Key: "email.long"})
		require.NoError(t, err)
	}
	f.shows(`warren_tasks_running{queue="email"} 1`, `warren_tasks_held{queue="email"} 1`)
	f.depths()
	close(release)
	f.shows(`warren_tasks_running{queue="email"} 0`, `warren_tasks_held{queue="email"} 0`)
	stop()
	require.NoError(t, <-ended)
	f.shows(`warren_prefetch{queue="email"} 0`)
	problems, err := testutil.GatherAndLint(f.registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// depths looks at the queues: they are as they are, so each collector is scraped once.
func (f *fixture) depths() {
	f.t.Helper()
	probe := f.client.NewDepthProbe()
	defer probe.Close()
	for _, source := range []metrics.DepthSource{metrics.AMQP(probe.Depths), metrics.AMQP(f.client.Depths), metrics.Management(f.client.QueueStats)} {
		d := metrics.NewDepths(metrics.DepthConfig{
			Queues: []string{"email", "nothing"}, Dead: routing.DeadQueue, Parked: f.client.Names().Unrouted(),
			Sources: []metrics.DepthSource{source}, Log: f.log,
		})
		f.registry.MustRegister(d)
		shown := f.scrape()
		assert.NotContains(f.t, shown, `{queue="nothing"}`)
		if strings.Contains(shown, `warren_depth_up{source="amqp"} 1`) {
			for _, line := range []string{
				`warren_queue_ready{queue="email"} 0`, `warren_queue_consumers{queue="email"} 1`, `warren_queue_dead{queue="email"} 3`, `warren_parked 1`,
			} {
				assert.Contains(f.t, shown, line)
			}
		} else { // its numbers come some seconds later
			assert.Contains(f.t, shown, `warren_depth_up{source="management"} 1`)
			assert.Contains(f.t, shown, `warren_queue_unacked{queue="email"} `)
		}
		f.registry.Unregister(d)
		d.Close()
	}
}
