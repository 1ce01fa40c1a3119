package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What becomes of ticks: the values of the label outcome.
const (
	tickEmitted  = "emitted"
	tickCaughtUp = "caught_up"
	tickSkipped  = "skipped"
)

// tickBuckets are the upper bounds of the lateness of ticks, in seconds: a tick is usually some
// milliseconds late, some seconds where another scheduler had to take over, and beyond 10 s it was missed
// and is caught up on.
var tickBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86400}

// Ticks counts what becomes of a scheduler's ticks. It is the scheduler.TickObserver that a scheduler is
// given as scheduler.Config.Ticks, and a prometheus.Collector.
type Ticks struct {
	ticks    *prometheus.CounterVec
	lateness prometheus.Histogram

	mu      sync.Mutex
	entries map[string]bool
}

// NewTicks returns what counts the ticks of entries, by their names.
func NewTicks(entries ...string) *Ticks {
	t := &Ticks{
		ticks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "warren_ticks_total", Help: "Ticks of schedule entries, by what became of them.",
		}, []string{"entry", "outcome"}),
		lateness: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "warren_tick_lateness_seconds", Help: "How long after their time ticks were published.", Buckets: tickBuckets,
		}),
	}
	t.Replace(entries...)
	return t
}

// Replace has the ticks of these entries counted, and of no others. A new one begins at 0; the series of
// one that is gone go.
func (t *Ticks) Replace(entries ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	gone := t.entries
	t.entries = make(map[string]bool, len(entries))
	for _, entry := range entries {
		t.entries[entry] = true
		delete(gone, entry)
		for _, outcome := range []string{tickEmitted, tickCaughtUp, tickSkipped} {
			t.ticks.WithLabelValues(entry, outcome)
		}
	}
	for entry := range gone {
		t.ticks.DeletePartialMatch(prometheus.Labels{"entry": entry})
	}
}

// Emitted is part of scheduler.TickObserver.
func (t *Ticks) Emitted(entry string, late time.Duration, caughtUp bool) {
	outcome := tickEmitted
	if caughtUp {
		outcome = tickCaughtUp
	}
	if t.add(entry, outcome, 1) {
		t.lateness.Observe(max(late, 0).Seconds()) // a clock may have been set
	}
}

// Skipped is part of scheduler.TickObserver.
func (t *Ticks) Skipped(entry string, ticks int) { t.add(entry, tickSkipped, ticks) }

// add counts ticks. It returns false where the entry has been replaced meanwhile.
func (t *Ticks) add(entry, outcome string, ticks int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.entries[entry] {
		return false
	}
	t.ticks.WithLabelValues(entry, outcome).Add(float64(ticks))
	return true
}

// Describe is part of prometheus.Collector.
func (t *Ticks) Describe(to chan<- *prometheus.Desc) {
	t.ticks.Describe(to)
	t.lateness.Describe(to)
}

// Collect is part of prometheus.Collector.
func (t *Ticks) Collect(to chan<- prometheus.Metric) {
	t.ticks.Collect(to)
	t.lateness.Collect(to)
}
