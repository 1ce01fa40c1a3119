package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrenmq/warren/tasks"
)

// Tasks counts what becomes of a worker's tasks, and measures how long they wait and run. It is the
// tasks.Recorder that a worker is given as worker.Config.Events, by itself or beside another with
// [tasks.Recorders], and a prometheus.Collector.
//
// Its series are those of the queues and patterns that it is made with, each there from the start: a
// message cannot add one.
type Tasks struct {
	outcomes, dead *prometheus.CounterVec
	duration, wait *prometheus.HistogramVec
	series         map[place]*series // not changed once made
}

// Queue is a queue whose tasks are counted, and the mux that finds their handlers.
type Queue struct {
	Name string
	Mux  *tasks.Mux
}

// place is what the tasks that are counted together have in common.
type place struct{ queue, pattern string }

// series is what there is of one place, resolved once: to find a metric by its labels costs more than to
// change it.
type series struct {
	outcomes       map[tasks.EventKind]prometheus.Counter
	succeeded      prometheus.Counter // the one of outcomes that is as good as always meant
	duration, wait prometheus.Observer
}

// buckets are the upper bounds of the histograms of time, in seconds. What tasks usually take, 1 ms to
// 10 s, is told to within a factor of 2 to 2.5; above are the times that people set limits by: a minute
// is the timeout by default, a mean wait of five is an alert. What is shorter than 1 ms has no need to be told
// apart, and what is longer than an hour is too long in any case.
var buckets = []float64{
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600,
}

// outcomes are the kinds of events that end a task's turn, which are the values of the label outcome.
var outcomes = []tasks.EventKind{
	tasks.EventSucceeded, tasks.EventRetried, tasks.EventSnoozed, tasks.EventDead, tasks.EventRevoked, tasks.EventReturned,
}

// reasons are why workers make dead letters, or have RabbitMQ make them.
var reasons = []tasks.Reason{
	tasks.ReasonAttemptsExhausted, tasks.ReasonPermanent, tasks.ReasonNoHandler, tasks.ReasonMalformed,
	tasks.ReasonExpired, tasks.ReasonRevoked, tasks.ReasonCrashLoop, tasks.ReasonUnauthorised, tasks.ReasonUndecryptable,
	tasks.ReasonRejected,
}

// NewTasks returns what counts the tasks of a worker's queues. Those of other queues are not counted, those
// of a pattern that a queue's mux does not have under no pattern.
func NewTasks(queues ...Queue) *Tasks {
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(
			prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{labelQueue, labelPattern})
	}
	t := &Tasks{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "warren_tasks_total", Help: "Tasks whose turn has ended, by what came of it.",
		}, []string{labelQueue, labelPattern, "outcome"}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "warren_tasks_dead_total", Help: "Tasks that this worker has made dead letters, by the reason.",
		}, []string{labelQueue, "reason"}),
		duration: histogram("warren_task_duration_seconds", "How long handlers ran that came to an end of their own."),
		wait:     histogram("warren_task_wait_seconds", "How long tasks waited for their turn, from when they were enqueued or, where that is later, due."),
		series:   map[place]*series{},
	}
	for _, q := range queues {
		for _, reason := range reasons {
			t.dead.WithLabelValues(q.Name, string(reason))
		}
		for _, pattern := range append(q.Mux.Patterns(), "") {
			t.series[place{q.Name, pattern}] = t.resolve(q.Name, pattern)
		}
	}
	return t
}

func (t *Tasks) resolve(queue, pattern string) *series {
	s := &series{
		outcomes: make(map[tasks.EventKind]prometheus.Counter, len(outcomes)),
		duration: t.duration.WithLabelValues(queue, pattern), wait: t.wait.WithLabelValues(queue, pattern),
	}
	for _, kind := range outcomes {
		s.outcomes[kind] = t.outcomes.WithLabelValues(queue, pattern, string(kind))
	}
	s.succeeded = s.outcomes[tasks.EventSucceeded]
	return s
}

// Record counts an event, as tasks.Recorder has it. It does not block.
func (t *Tasks) Record(e tasks.Event) {
	s := t.series[place{e.Task.Queue, e.Pattern}]
	if s == nil {
		if s = t.series[place{queue: e.Task.Queue}]; s == nil {
			return
		}
	}
	switch e.Kind {
	case tasks.EventStarted:
		s.waited(&e)
		return
	case tasks.EventProgress:
		return
	case tasks.EventSucceeded:
		s.succeeded.Inc()
		s.took(&e)
		return
	case tasks.EventRetried, tasks.EventSnoozed:
		s.took(&e)
	case tasks.EventDead, tasks.EventRevoked:
		t.dead.WithLabelValues(e.Task.Queue, string(e.Reason)).Inc()
		switch e.Reason {
		case tasks.ReasonExpired: // its turn came, and it was not started
			s.waited(&e)
		case tasks.ReasonAttemptsExhausted, tasks.ReasonPermanent, tasks.ReasonMalformed: // its handler says so
			s.took(&e)
		}
	}
	if counter := s.outcomes[e.Kind]; counter != nil {
		counter.Inc()
	}
}

// Store is Record: there is nothing to wait for.
func (t *Tasks) Store(_ context.Context, e tasks.Event) error {
	t.Record(e)
	return nil
}

func (s *series) waited(e *tasks.Event) {
	if d, ok := e.Wait(); ok {
		s.wait.Observe(seconds(d))
	}
}

func (s *series) took(e *tasks.Event) {
	if d, ok := e.Took(); ok {
		s.duration.Observe(seconds(d))
	}
}

func seconds(d time.Duration) float64 { return d.Seconds() }

// Describe is part of prometheus.Collector.
func (t *Tasks) Describe(to chan<- *prometheus.Desc) {
	for _, c := range t.collectors() {
		c.Describe(to)
	}
}

// Collect is part of prometheus.Collector.
func (t *Tasks) Collect(to chan<- prometheus.Metric) {
	for _, c := range t.collectors() {
		c.Collect(to)
	}
}

func (t *Tasks) collectors() []prometheus.Collector {
	return []prometheus.Collector{t.outcomes, t.dead, t.duration, t.wait}
}
