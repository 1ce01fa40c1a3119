// Package metrics owns what a process shows of itself: Prometheus collectors, and answering over HTTP for
// them and for its health.
//
// It knows neither a broker nor a worker: what there is to show, and whether the process is ready, are
// values and functions that it is given. Nobody else imports client_golang but who connects the two, and
// nothing is registered but where somebody registers it: there is no global registry.
package metrics
