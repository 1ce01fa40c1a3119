// Package deploy owns the files that Warren is watched with: the rules of prometheus/ and the dashboard of
// grafana/.
//
// They are for operators, who take them as they are; this package is for what has to read them, which are its
// own tests and the fault injection. It knows nothing of Warren: its tests hold that the files agree with
// the metrics, the conditions of package alerts, and the documentation.
package deploy

import "embed"

// Files are the files, by their path below this folder.
//
//go:embed prometheus grafana
var Files embed.FS

// The files that are read by name.
const (
	PrometheusFile = "prometheus/prometheus.yml"
	RulesFile      = "prometheus/warren.rules.yml"
	DashboardFile  = "grafana/dashboards/warren.json"
)
