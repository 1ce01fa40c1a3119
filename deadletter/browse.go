package deadletter

import (
	"context"

	"github.com/warrenmq/warren/tasks"
)

// Browser shows the messages of a queue from its head without taking them away, all of them where
// limit is below 1, until each returns false. broker.Client is one.
type Browser interface {
	Browse(ctx context.Context, queue string, limit int, each func(tasks.Message) bool) error
}

// List shows the letters of a dead-letter queue, or of the unrouted queue, that a filter chooses,
// the oldest first, until each returns false. It blocks, and returns the browser's errors.
func List(ctx context.Context, b Browser, deadQueue string, f Filter, each func(Record) bool) error {
	limit := 0
	if f.All() {
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
