package metrics

import "github.com/prometheus/client_golang/prometheus"

// asked is a collector of numbers that are asked for when they are scraped.
type asked struct {
	descs []*prometheus.Desc
	ask   func(to chan<- prometheus.Metric)
}

// describe adds a metric and returns its description.
func (a *asked) describe(name, help string, labels ...string) *prometheus.Desc {
	desc := prometheus.NewDesc(name, help, labels, nil)
	a.descs = append(a.descs, desc)
	return desc
}

// Describe is part of prometheus.Collector.
func (a *asked) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range a.descs {
		to <- desc
	}
}

// Collect is part of prometheus.Collector.
func (a *asked) Collect(to chan<- prometheus.Metric) { a.ask(to) }

func gauge(to chan<- prometheus.Metric, desc *prometheus.Desc, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

func counter(to chan<- prometheus.Metric, desc *prometheus.Desc, value uint64, labels ...string) {
	to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
