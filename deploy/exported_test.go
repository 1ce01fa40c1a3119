package deploy

import (
	"regexp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrenmq/warren/metrics"
)

// exported are the metrics that Warren's processes export, a histogram's without the suffixes of its series.
var exported = describe(
	metrics.NewRegistry("v1"),
	metrics.NewEntries(),
	metrics.NewClient(func() (s metrics.ClientStats) { return s }),
	metrics.NewDepths(metrics.DepthConfig{}),
	metrics.NewTasks(),
	metrics.NewWorker(func() []metrics.QueueStats { return nil }),
	metrics.NewHistory(func() (s metrics.HistoryStats) { return s }),
	metrics.NewScheduler(func() (s metrics.SchedulerStats) { return s }),
	metrics.NewTicks(),
)

// described is a metric's name as its description is written.
var described = regexp.MustCompile(`fqName: "([^"]+)"`)

// describe returns the names of what collectors collect.
func describe(collectors ...prometheus.Collector) []string {
	var names []string
	for _, c := range collectors {
		to := make(chan *prometheus.Desc)
		go func() {
			defer close(to)
			c.Describe(to)
		}()
		for desc := range to {
			names = append(names, described.FindStringSubmatch(desc.String())[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
