package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/worker"
)

// all is several collectors as one.
type all []prometheus.Collector

func (a all) Describe(to chan<- *prometheus.Desc) {
	for _, c := range a {
		c.Describe(to)
	}
}

func (a all) Collect(to chan<- prometheus.Metric) {
	for _, c := range a {
		c.Collect(to)
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	golden(t, all{
		NewClient(func() broker.ClientStats {
			return broker.ClientStats{
				Connected: true, Blocked: true, Reconnects: 1, Confirmed: 2, Unroutable: 3, Nacked: 4, TooLarge: 5, Doubtful: 6, NotTaken: 7, Failed: 8,
			}
		}),
		NewWorker(func() []worker.QueueStats {
			return []worker.QueueStats{
				{Name: "email", Running: 1, Held: 2, Prefetch: 3, Concurrency: 4}, {Name: "import", Paused: true},
			}
		}),
		NewHistory(func() history.Stats { return history.Stats{Kept: 1, Dropped: 2, Waiting: 3} }),
		NewScheduler(func() scheduler.Stats { return scheduler.Stats{Leading: true, Term: 7} }),
		NewEntries(),
	}, "stats.txt")
}

func TestTicks(t *testing.T) {
	t.Parallel()
	counted := NewTicks("daily", "gone", "hourly")
	var ticks scheduler.TickObserver = counted
	ticks.Emitted("gone", 0, false)
	ticks.Emitted("daily", 3*time.Millisecond, false)
	ticks.Emitted("daily", -time.Second, false)
	ticks.Emitted("daily", 25*time.Hour, true)
	ticks.Skipped("daily", 40)
	counted.Replace("daily", "new")
	ticks.Emitted("gone", time.Second, false)
	ticks.Skipped("hourly", 2)
	golden(t, counted, "ticks.txt")
}
