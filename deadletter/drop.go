package deadletter

import (
	"context"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// Drop removes the letters that a filter chooses from their queue, for good. It blocks until all that
// lay there when it began are dealt with, Filter.Limit of them were chosen, or ctx is done; the error
// says so, or why the sifter could not go on. Counts.Doubtful is then how many of those dropped may be in
// the queue again.
func Drop(ctx context.Context, s Sifter, sweep Sweep) (Counts, error) {
	r := newRun(ctx, &sweep)
	return r.sift(s, func(l *tasks.Letter, record *Record) {
		switch {
		case sweep.DryRun:
			l.Leave()
			r.tell(Outcome{Record: record, Fate: Dropped, At: time.Now()})
		case r.wait():
			r.remove(l, Outcome{Record: record, Fate: Dropped, At: time.Now()})
		default:
			l.Leave()
		}
	})
}
