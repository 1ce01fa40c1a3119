package deadletter

import (
	"context"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// Browser shows the messages of a queue from its head without taking them away, all of them where
// limit is below 1, until each returns false. broker.Client is one.
type Browser interface {
	Browse(ctx context.Context, queue string, limit int, each func(tasks.Message) bool) error
}

// Filter chooses among letters; a letter must satisfy every field that is set.
type Filter struct {
	// Reason is the letter's. Empty: any.
	Reason tasks.Reason
	// Key matches the task's original routing key. The zero pattern: any.
	Key routing.Pattern
	// ID is the task's. Empty: any.
	ID string
	// Limit is how many of those chosen are shown at most; below 1: all.
	Limit int
}

// all reports whether the filter chooses every letter.
func (f *Filter) all() bool { return f.Reason == "" && f.Key.String() == "" && f.ID == "" }

// Match reports whether the filter chooses a letter.
func (f *Filter) Match(r *Record) bool {
	return (f.Reason == "" || f.Reason == r.Reason) &&
		(f.Key.String() == "" || f.Key.Match(r.Key)) &&
		(f.ID == "" || f.ID == r.ID)
}

// List shows the letters of a dead-letter queue, or of the unrouted queue, that a filter chooses,
// the oldest first, until each returns false. It blocks, and returns the browser's errors.
func List(ctx context.Context, b Browser, deadQueue string, f Filter, each func(Record) bool) error {
	limit := 0
	if f.all() {
		limit = f.Limit
	}
	shown := 0
	return b.Browse(ctx, deadQueue, limit, func(m tasks.Message) bool {
		r := FromMessage(m, deadQueue)
		if !f.Match(&r) {
			return true
		}
		shown++
		return each(r) && shown != f.Limit
	})
}
