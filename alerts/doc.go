// Package alerts says which numbers of queues and schedulers want a person: the conditions, their
// thresholds, and what holds of a [Reading]. It is pure. It knows neither where numbers come from nor who is
// told; the rules for Prometheus in deploy/prometheus say the same, and are compared with it.
package alerts
