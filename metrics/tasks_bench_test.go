package metrics

import (
	"context"
	"testing"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// BenchmarkTasks is what a task that succeeds costs: the event of its start and that of its end.
func BenchmarkTasks(b *testing.B) {
	mux := tasks.NewMux()
	for _, pattern := range []string{"email.welcome", "email.*", "email.#"} {
		mux.HandleFunc(pattern, func(context.Context, *tasks.Task) error { return nil })
	}
	counted := NewTasks(Queue{"email", mux}, Queue{"import", mux})
	now := time.Now()
	task := &tasks.Task{ID: "id", Key: "email.welcome.eu", Queue: "email", EnqueuedAt: now.Add(-time.Second)}
	began := tasks.Event{Kind: tasks.EventStarted, Task: task, Pattern: "email.#", At: now, Started: now}
	ended := tasks.Event{Kind: tasks.EventSucceeded, Task: task, Pattern: "email.#", At: now.Add(7 * time.Millisecond), Started: now}
	b.Run("one slot", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			counted.Record(began)
			counted.Record(ended)
		}
	})
	b.Run("many slots", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				counted.Record(began)
				counted.Record(ended)
			}
		})
	})
}
