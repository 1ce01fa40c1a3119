package scheduler

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
)

// told is a TickObserver that keeps what one entry's goroutine tells; it is read once that has ended.
type told []string

func (l *told) Emitted(entry string, late time.Duration, caughtUp bool) {
	*l = append(*l, fmt.Sprintf("%s emitted %s late, %t", entry, late, caughtUp))
}

func (l *told) Skipped(entry string, ticks int) {
	*l = append(*l, fmt.Sprintf("%s skipped %d", entry, ticks))
}

func TestTicksAreTold(t *testing.T) {
	b := newBundle(func(_ context.Context, task tasks.Task) error {
		if task.ScheduledFor.Hour() == 10 {
			return fmt.Errorf("enqueue: %w: body: too long", tasks.ErrInvalidTask)
		}
		return nil
	})
	var told told
	b.ticks = &told
	e := entry("hourly", "@hourly")
	e.CatchUp = CatchUp{Policy: CatchUpAll, Max: 2}
	b.run(t, e)
	b.clock.Advance(5*time.Hour + 30*time.Second + time.Second) // 11:00:01
	for range 3 {
		b.outbox.next(t)
	}
	b.stopped(t)
	assert.EqualValues(t, []string{
		"hourly skipped 3", "hourly emitted 2h0m1s late, true", "hourly skipped 1", "hourly emitted 1s late, false",
	}, told)
	assert.Zero(t, b.scheduler.Stats(), "nobody runs for the lease")
}
