package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// The log has one line of each outcome: of each start of a handler, and of what is decided without one.
// What a settlement meets on its way, what a redelivery is recognised as, and the stack of a panic are
// lines of their own, which carry no outcome. docs/logs.md has the table.

// lines are what is logged of each outcome.
var lines = map[tasks.EventKind]struct {
	level   slog.Level
	message string
}{
	tasks.EventSucceeded: {slog.LevelInfo, "task done"},
	tasks.EventRetried:   {slog.LevelWarn, "task failed, to be tried again"},
	tasks.EventSnoozed:   {slog.LevelInfo, "task snoozed"},
	tasks.EventDead:      {slog.LevelError, "task is dead"},
	tasks.EventRevoked:   {slog.LevelWarn, "task is revoked"},
	tasks.EventReturned:  {slog.LevelInfo, "task given back, the worker stops"},
}

// outcome logs what was decided about a task whose turn came at a time, the zero time where it did not,
// and took so long.
func (s *settler) outcome(it *item, d tasks.Decision, started time.Time, took time.Duration) {
	e := tasks.EventOf(&it.task, d)
	line := lines[e.Kind]
	if !s.log.Enabled(context.Background(), line.level) { // what follows costs more than all else that is left to do
		return
	}
	var room [9]slog.Attr
	attrs := append(room[:0], slog.String("outcome", string(e.Kind)))
	if e.Started = started; !started.IsZero() {
		if wait, known := e.Wait(); known {
			attrs = append(attrs, slog.Duration("wait", wait))
		}
		attrs = append(attrs, slog.Duration("took", took))
	}
	if d.Action == tasks.Retry {
		attrs = append(attrs, slog.Duration("in", d.After))
	}
	if e.Reason != "" {
		attrs = append(attrs, slog.String("reason", string(e.Reason)))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.ErrorText()))
	}
	if it.task.Schedule != "" {
		attrs = append(attrs, slog.String("schedule", it.task.Schedule))
	}
	if it.task.BatchID != "" {
		attrs = append(attrs, slog.String("batch", it.task.BatchID))
	}
	s.tell(line.level, it, line.message, attrs...)
}

// tell logs about a work.
func (s *settler) tell(level slog.Level, it *item, message string, attrs ...slog.Attr) {
	ctx := context.Background()
	if !s.log.Enabled(ctx, level) {
		return
	}
	var room [12]slog.Attr
	about := append(room[:0], slog.String("id", it.task.ID), slog.String("key", it.task.Key), slog.Int("attempt", it.task.Attempt))
	s.log.LogAttrs(ctx, level, message, append(about, attrs...)...)
}
