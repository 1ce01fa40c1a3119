//go:build integration

package broker_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

// patience bounds every wait of these tests: long enough for a loaded machine, never waited out
// where things go well.
const patience = 30 * time.Second

// fixture is a client on a virtual host of its own.
type fixture struct {
	t      *testing.T
	ctx    context.Context
	vhost  brokertest.Vhost
	client *broker.Client
}

// setup connects a client to a fresh virtual host, through a URL that change may replace.
func setup(t *testing.T, change ...func(*broker.Config)) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	f := &fixture{t: t, ctx: ctx, vhost: brokertest.NewVhost(t)}
	f.client = f.connect(change...)
	return f
}

func (f *fixture) connect(change ...func(*broker.Config)) *broker.Client {
	f.t.Helper()
	cfg := broker.Config{
		URLs: []string{f.vhost.URL}, Management: f.vhost.Management, Name: f.t.Name(),
		BackoffMax: 200 * time.Millisecond, Log: testLog(f.t),
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := broker.Connect(f.ctx, cfg)
	require.NoError(f.t, err)
	f.t.Cleanup(client.Close)
	return client
}

// declare declares queues, each given as its name and patterns.
func (f *fixture) declare(queues ...routing.QueueSpec) {
	f.t.Helper()
	require.NoError(f.t, f.client.Declare(f.ctx, routing.Spec{Queues: queues}))
}

func queue(t *testing.T, name string, patterns ...string) routing.QueueSpec {
	t.Helper()
	spec := routing.QueueSpec{Name: name}
	for _, text := range patterns {
		p, err := routing.ParsePattern(text)
		require.NoError(t, err)
		spec.Routes = append(spec.Routes, p)
	}
	return spec
}

// testLog writes a client's log to the test's, which shows it when the test fails.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// receive returns what arrives within the tests' patience.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		require.FailNow(t, "not within the tests' patience", what)
		panic("unreachable")
	}
}
