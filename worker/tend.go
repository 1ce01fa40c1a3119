package worker

import (
	"context"
	"log/slog"
	"time"
)

// tendEvery is how often a queue's window is looked at.
const tendEvery = 100 * time.Millisecond

// tend looks after what the queue holds until ctx is done: the size of its window, and deliveries
// that have waited too long.
func (q *queue) tend(ctx context.Context) {
	ticker := q.clock.NewTicker(tendEvery)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.Chan():
			q.resize(now)
			q.returnStale(now)
		case <-ctx.Done():
			return
		}
	}
}

// resize changes the prefetch where what tasks take has changed. Where it has shrunk, because tasks
// take long, what is held beyond it goes back to those who have time for it: once the new prefetch is
// in force, since the old one has room for what goes back, and it would come again at once.
func (q *queue) resize(now time.Time) {
	if q.cfg.Prefetch != 0 {
		return
	}
	before := q.consumer.Prefetch()
	prefetch, changed := q.window.tick(now, q.buffer.held())
	if changed {
		q.log.Debug("prefetch changes", slog.Int("from", before), slog.Int("to", prefetch))
		q.consumer.SetPrefetch(prefetch)
		q.shrinking = prefetch < before
		return
	}
	if q.shrinking && before == prefetch {
		q.shrinking = false
		q.giveBack(q.buffer.shed(max(prefetch-q.cfg.Concurrency, 0)))
	}
}

// returnStale gives back the deliveries that have waited here for half of the broker's
// acknowledgement timeout: what is left of it may be too short for their task.
func (q *queue) returnStale(now time.Time) {
	if stale := q.buffer.expire(now.Add(-q.ackLimit / 2)); len(stale) > 0 {
		q.log.Info("deliveries that waited too long for a slot go back", slog.Int("count", len(stale)))
		q.giveBack(stale)
	}
}

// giveBack returns deliveries that have not begun, beside where something is to be published first.
func (q *queue) giveBack(items []*item) {
	for _, it := range items {
		if !q.works.start(it) {
			continue // RabbitMQ gives it out again
		}
		if it.task.Redeliveries < suspectAfter-1 {
			q.settler.giveBack(q.settling, it)
			continue
		}
		q.settled.Go(func() { q.settler.giveBack(q.settling, it) })
	}
}
