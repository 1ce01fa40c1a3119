package worker

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/warrenmq/warren/internal/logging"
	"github.com/warrenmq/warren/tasks"
)

// BenchmarkOutcome is what the line of one outcome costs in JSON, and what it costs where it is not wanted.
func BenchmarkOutcome(b *testing.B) {
	started := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	it := &item{task: tasks.Task{ID: tasks.NewID(), Key: "email.welcome.eu", Queue: "email", Attempt: 1, EnqueuedAt: started.Add(-time.Second)}}
	for name, d := range map[string]tasks.Decision{
		"done":    {Action: tasks.Ack},
		"retried": {Action: tasks.Retry, Counts: true, After: time.Second, Err: errors.New("connection refused")},
	} {
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
			b.Run(name+"/level="+level.String(), func(b *testing.B) {
				s := settler{log: logging.New(io.Discard, level).With("worker", "host.example:12345", "queue", "email")}
				b.ReportAllocs()
				for b.Loop() {
					s.outcome(it, d, started, 12*time.Millisecond)
				}
			})
		}
	}
}
