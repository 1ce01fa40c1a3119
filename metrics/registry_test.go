package metrics

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	registry := NewRegistry("v1.2.3")
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP warren_build_info 1, labelled with the version of Warren.
# TYPE warren_build_info gauge
warren_build_info{version="v1.2.3"} 1
`), "warren_build_info"))
	for _, name := range []string{"go_goroutines", "process_start_time_seconds"} {
		count, err := testutil.GatherAndCount(registry, name)
		require.NoError(t, err)
		assert.Equal(t, 1, count, name)
	}
}

func TestServeMetrics(t *testing.T) {
	t.Parallel()
	registry := NewRegistry("v1.2.3")
	address, _ := serveWith(t, func() error { return errors.New("away") }, Handler(registry, slog.New(slog.DiscardHandler)))
	status, body, header := ask(t, http.MethodGet, address, "/metrics")
	assert.Equal(t, http.StatusOK, status, "whether or not the process is ready")
	assert.Contains(t, body, "\nwarren_build_info{version=\"v1.2.3\"} 1\n")
	assert.Contains(t, header.Get("Content-Type"), "text/plain; version=0.0.4")
	status, _, _ = ask(t, http.MethodGet, address, "/healthz")
	assert.Equal(t, http.StatusOK, status)

	without, _ := serve(t, func() error { return nil })
	status, _, _ = ask(t, http.MethodGet, without, "/metrics")
	assert.Equal(t, http.StatusNotFound, status)
}

// failing is a collector that fails.
type failing struct{ desc *prometheus.Desc }

func (f failing) Describe(to chan<- *prometheus.Desc) { to <- f.desc }
func (f failing) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.NewInvalidMetric(f.desc, errors.New("it fails"))
}

func TestOneThatFailsLosesNoOther(t *testing.T) {
	t.Parallel()
	registry := NewRegistry("v1.2.3")
	registry.MustRegister(failing{prometheus.NewDesc("warren_broken", "Broken.", nil, nil)})
	log := &firstLine{got: make(chan string, 1)}
	address, _ := serveWith(t, nil, Handler(registry, slog.New(slog.NewTextHandler(log, nil))))
	status, body, _ := ask(t, http.MethodGet, address, "/metrics")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "warren_build_info")
	assert.Contains(t, <-log.got, "it fails")
}
