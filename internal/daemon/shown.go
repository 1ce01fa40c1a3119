package daemon

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/version"
	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/routing"
)

// shown is what /metrics shows of every daemon, from the start: while RabbitMQ is waited for, that there is
// no connection.
type shown struct {
	registry *prometheus.Registry
	entries  prometheus.Gauge
	depths   *metrics.Depths
	client   atomic.Pointer[broker.Client]
	probe    atomic.Pointer[broker.DepthProbe]
}

func newShown(cfg *config.Config, log *slog.Logger) *shown {
	m := &shown{registry: metrics.NewRegistry(version.Text()), entries: metrics.NewEntries()}
	m.entries.Set(float64(len(cfg.Schedules)))
	names := routing.Names{Prefix: cfg.Broker.Prefix}
	depths := metrics.DepthConfig{Dead: routing.DeadQueue, Parked: names.Unrouted(), Log: log}
	for _, q := range cfg.Queues {
		depths.Queues = append(depths.Queues, q.Name)
	}
	if cfg.Broker.Management != "" {
		depths.Sources = append(depths.Sources, metrics.Management(m.askManagement))
	}
	depths.Sources = append(depths.Sources, metrics.AMQP(m.askAMQP))
	m.depths = metrics.NewDepths(depths)
	m.registry.MustRegister(m.entries, m.depths, metrics.NewClient(m.stats))
	return m
}

// connected has a client shown, until detach is called, before the client is closed.
func (m *shown) connected(client *broker.Client) (detach func()) {
	probe := client.NewDepthProbe()
	m.client.Store(client)
	m.probe.Store(probe)
	return func() {
		m.depths.Close()
		probe.Close()
	}
}

func (m *shown) stats() broker.ClientStats {
	if client := m.client.Load(); client != nil {
		return client.Stats()
	}
	return broker.ClientStats{}
}

func (m *shown) askManagement(ctx context.Context) ([]broker.QueueStats, error) {
	if client := m.client.Load(); client != nil {
		return client.QueueStats(ctx)
	}
	return nil, broker.ErrNotConnected
}

func (m *shown) askAMQP(ctx context.Context, queues ...string) (map[string]broker.Depth, error) {
	if probe := m.probe.Load(); probe != nil {
		return probe.Depths(ctx, queues...)
	}
	return nil, broker.ErrNotConnected
}
