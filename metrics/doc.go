// Package metrics owns what a process shows of itself: collectors, health and alert rules.
//
// It knows neither a broker nor a queue: what there is to show, and whether the process is ready,
// are values and functions that it is given.
package metrics
