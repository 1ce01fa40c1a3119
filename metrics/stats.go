package metrics

import "github.com/prometheus/client_golang/prometheus"

// What others tell of themselves, field by field as they do: this package knows none of them. A function
// that takes such a type takes any that has the same fields, so that the methods fit as they are, as in
// NewClient(client.Stats).
type (
	// ClientStats is what broker.ClientStats is.
	ClientStats = struct {
		Connected  bool
		Blocked    bool
		Reconnects uint64
		Confirmed  uint64
		Unroutable uint64
		Nacked     uint64
		TooLarge   uint64
		Doubtful   uint64
		NotTaken   uint64
		Failed     uint64
	}
	// QueueStats is what worker.QueueStats is.
	QueueStats = struct {
		Name        string
		Running     int
		Concurrency int
		Held        int
		Prefetch    int
		Paused      bool
	}
	// HistoryStats is what history.Stats is.
	HistoryStats = struct {
		Kept    uint64
		Dropped uint64
		Waiting int
	}
	// SchedulerStats is what scheduler.Stats is.
	SchedulerStats = struct {
		Leading bool
		Term    uint64
	}
)

// NewClient returns a collector of what a client tells: broker.Client.Stats.
func NewClient[S ~ClientStats](stats func() S) prometheus.Collector {
	a := &asked{}
	connected := a.describe("warren_connected", "Whether the publishing connection to RabbitMQ is up.")
	blocked := a.describe("warren_blocked", "Whether RabbitMQ blocks publishers: a memory or disk alarm.")
	reconnects := a.describe("warren_reconnects_total", "Connections that were made anew after a loss.")
	published := a.describe("warren_published_total", "Messages that were published, by what became of them.", "result")
	a.ask = func(to chan<- prometheus.Metric) {
		s := ClientStats(stats())
		gauge(to, connected, truth(s.Connected))
		gauge(to, blocked, truth(s.Blocked))
		counter(to, reconnects, s.Reconnects)
		counter(to, published, s.Confirmed, "confirmed")
		counter(to, published, s.Unroutable, "unroutable")
		counter(to, published, s.Nacked, "nacked")
		counter(to, published, s.TooLarge, "too_large")
		counter(to, published, s.NotTaken, "blocked")
		counter(to, published, s.Doubtful, "doubtful")
		counter(to, published, s.Failed, "failed")
	}
	return a
}

// NewWorker returns a collector of what a worker tells of its queues: worker.Worker.Stats.
func NewWorker[S ~QueueStats](stats func() []S) prometheus.Collector {
	a := &asked{}
	running := a.describe("warren_tasks_running", "Tasks that run in this worker.", labelQueue)
	held := a.describe("warren_tasks_held", "Tasks that were delivered to this worker and do not run yet.", labelQueue)
	prefetch := a.describe("warren_prefetch", "Deliveries that this worker may hold, running ones included.", labelQueue)
	concurrency := a.describe("warren_concurrency", "Tasks that may run in this worker at a time.", labelQueue)
	paused := a.describe("warren_queue_paused", "Whether this worker obeys a pause of the queue.", labelQueue)
	a.ask = func(to chan<- prometheus.Metric) {
		for _, q := range stats() {
			s := QueueStats(q)
			gauge(to, running, float64(s.Running), s.Name)
			gauge(to, held, float64(s.Held), s.Name)
			gauge(to, prefetch, float64(s.Prefetch), s.Name)
			gauge(to, concurrency, float64(s.Concurrency), s.Name)
			gauge(to, paused, truth(s.Paused), s.Name)
		}
	}
	return a
}

// NewHistory returns a collector of what a recorder of history tells: history.Recorder.Stats.
func NewHistory[S ~HistoryStats](stats func() S) prometheus.Collector {
	a := &asked{}
	events := a.describe("warren_history_events_total", "Events that history has kept, or dropped.", "result")
	waiting := a.describe("warren_history_waiting", "Events that wait to be kept.")
	a.ask = func(to chan<- prometheus.Metric) {
		s := HistoryStats(stats())
		counter(to, events, s.Kept, "kept")
		counter(to, events, s.Dropped, "dropped")
		gauge(to, waiting, float64(s.Waiting))
	}
	return a
}

// NewScheduler returns a collector of what a scheduler tells: scheduler.Scheduler.Stats.
func NewScheduler[S ~SchedulerStats](stats func() S) prometheus.Collector {
	a := &asked{}
	leader := a.describe("warren_scheduler_leader", "Whether this scheduler leads, which is to emit the ticks.")
	term := a.describe("warren_scheduler_term", "The newest term of the schedulers' lease that this one knows of.")
	a.ask = func(to chan<- prometheus.Metric) {
		s := SchedulerStats(stats())
		gauge(to, leader, truth(s.Leading))
		gauge(to, term, float64(s.Term))
	}
	return a
}
