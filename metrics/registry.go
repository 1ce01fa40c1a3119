package metrics

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry returns a registry with what every process shows: warren_build_info with its version, and
// client_golang's own metrics of the Go runtime and the process.
func NewRegistry(version string) *prometheus.Registry {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "warren_build_info", Help: "1, labelled with the version of Warren.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	registry := prometheus.NewRegistry()
	registry.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// NewEntries returns a gauge of how many schedule entries a process's configuration has. It is to be set.
func NewEntries() prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "warren_schedule_entries", Help: "Schedule entries that the configuration has.",
	})
}

// maxScrapes is how many requests are answered at a time: each gathers everything.
const maxScrapes = 8

// Handler answers with what a gatherer, such as a registry, holds: as text, or in another of the formats
// that Prometheus asks for. What cannot be gathered is logged and left out. Requests beyond some that are
// being answered get 503.
func Handler(from prometheus.Gatherer, log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(from, promhttp.HandlerOpts{
		ErrorLog: errorLog{log}, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes,
	})
}

// errorLog is a logger as promhttp takes one.
type errorLog struct{ log *slog.Logger }

func (l errorLog) Println(v ...any) { l.log.Warn("metrics are incomplete", "error", fmt.Sprint(v...)) }
