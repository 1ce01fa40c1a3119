//go:build integration

package worker_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

// patience bounds every wait of these tests.
const patience = 60 * time.Second

// fixture is a client on a virtual host of its own, and the workers that run on it.
type fixture struct {
	t      testing.TB
	ctx    context.Context
	vhost  brokertest.Vhost
	client *broker.Client
	// amqp is a plain channel, as a foreign program would have.
	amqp *amqp.Channel
	// worker is the one that was run last.
	worker *worker.Worker
}

func setup(t testing.TB) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	f := &fixture{t: t, ctx: ctx, vhost: brokertest.NewVhost(t)}
	f.client = f.connect(f.vhost.URL)
	conn, err := amqp.Dial(f.vhost.URL)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close()) })
	f.amqp, err = conn.Channel()
	require.NoError(t, err)
	require.NoError(t, f.amqp.Confirm(false))
	return f
}

// setupPrivate is setup on a broker that nobody else uses, but for the plain channel.
func setupPrivate(t testing.TB) (*fixture, *brokertest.Broker) {
	t.Helper()
	b := brokertest.Private(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	t.Cleanup(cancel)
	vhost, err := b.NewVhost(ctx, "private")
	require.NoError(t, err)
	f := &fixture{t: t, ctx: ctx, vhost: vhost}
	f.client = f.connect(vhost.URL)
	return f, b
}

func (f *fixture) connect(url string) *broker.Client {
	f.t.Helper()
	client, err := broker.Connect(f.ctx, broker.Config{
		URLs: []string{url}, Name: f.t.Name(), BackoffMax: 200 * time.Millisecond, Log: testLog(f.t),
	})
	require.NoError(f.t, err)
	f.t.Cleanup(client.Close)
	return client
}

// run runs a worker until stop is called, which returns what Run returned; the test's end calls it
// too.
func (f *fixture) run(cfg worker.Config) (stop func() error) {
	f.t.Helper()
	return f.runOn(f.client, cfg)
}

func (f *fixture) runOn(client *broker.Client, cfg worker.Config) (stop func() error) {
	f.t.Helper()
	cfg.Name = "tester"
	if cfg.Log == nil {
		cfg.Log = testLog(f.t)
	}
	w, err := worker.New(client, cfg)
	require.NoError(f.t, err)
	f.worker = w
	ctx, cancel := context.WithCancel(f.ctx)
	result := make(chan error, 1)
	go func() { result <- w.Run(ctx) }()
	ended, err := false, nil
	stop = func() error {
		if !ended {
			cancel()
			err, ended = receive(f.t, result, "the end of the worker"), true
		}
		return err
	}
	f.t.Cleanup(func() { _ = stop() }) // tests that care have looked
	f.eventually(func() bool { return w.Ready() == nil }, "the worker is ready")
	return stop
}

// handle returns a mux with one handler.
func handle(pattern string, h func(context.Context, *tasks.Task) error) *tasks.Mux {
	mux := tasks.NewMux()
	mux.HandleFunc(pattern, h)
	return mux
}

func (f *fixture) enqueue(t tasks.Task) string {
	f.t.Helper()
	id, err := f.client.Enqueue(f.ctx, t)
	require.NoError(f.t, err)
	return id
}

// publish publishes as a foreign program would.
func (f *fixture) publish(exchange, key string, p amqp.Publishing) {
	f.t.Helper()
	confirmation, err := f.amqp.PublishWithDeferredConfirm(exchange, key, false, false, p)
	require.NoError(f.t, err)
	acked, err := confirmation.WaitContext(f.ctx)
	require.NoError(f.t, err)
	require.True(f.t, acked)
}

// get takes one message of a queue.
func (f *fixture) get(queue string) amqp.Delivery {
	f.t.Helper()
	var found amqp.Delivery
	f.eventually(func() bool {
		d, ok, err := f.amqp.Get(queue, true)
		require.NoError(f.t, err)
		found = d
		return ok
	}, "a message in "+queue)
	return found
}

// depth is how many messages of a queue are ready.
func (f *fixture) depth(queue string) int {
	f.t.Helper()
	q, err := f.amqp.QueueDeclarePassive(queue, true, false, false, false, nil)
	require.NoError(f.t, err)
	return q.Messages
}

func (f *fixture) eventually(condition func() bool, what string) {
	f.t.Helper()
	require.Eventually(f.t, condition, patience, 5*time.Millisecond, what)
}

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// receive returns what arrives within the tests' patience.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		require.FailNow(t, "not within the tests' patience", what)
		panic("unreachable")
	}
}
