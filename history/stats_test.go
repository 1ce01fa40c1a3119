package history

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// Each event that the level keeps is counted once: as waiting, then as kept or dropped. A gap is none.
func TestStats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		r := start(t, m, Config{MaxBytes: MinMaxBytes})
		r.Record(tasks.Event{Kind: tasks.EventStarted, Task: &tasks.Task{}})
		assert.Zero(t, r.Stats())
		r.Record(event(1))
		<-time.After(DefaultInterval) // the bubble's clock
		synctest.Wait()               // it is on its way
		const more = 2000
		for n := range more {
			r.Record(event(n))
		}
		full := r.Stats()
		assert.Zero(t, full.Kept)
		assert.Positive(t, full.Dropped)
		assert.Equal(t, more+1, full.Waiting+int(full.Dropped))

		close(m.hold)
		<-time.After(time.Second)
		synctest.Wait()
		kept := Stats{Kept: uint64(full.Waiting), Dropped: full.Dropped}
		assert.Equal(t, kept, r.Stats())

		m.set(func() { m.fails = errors.New("away") })
		r.Record(event(1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Close(ctx), ErrLost)
		r.Record(event(2))
		kept.Dropped += 2
		assert.Equal(t, kept, r.Stats())
	})
}
