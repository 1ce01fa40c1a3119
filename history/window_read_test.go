package history

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/streams"
)

// river is a stream that has had an event every so often for ever, and gives each at a cost.
type river struct {
	every, cost time.Duration
	burst       bool // for the last minute a hundred times as many
	reads       int
	err         error // at the end of each reading
	open        bool  // nothing tells where it ends: the reading goes on until ctx is done
}

func (r *river) ReadStream(ctx context.Context, _ string, from streams.Offset, each func(streams.Record) error) error {
	r.reads++
	until := time.Now()
	for at := from.Value().(time.Time); !at.After(until) || r.open; at = at.Add(r.pace(until.Sub(at))) {
		select {
		case <-time.After(max(r.cost, time.Until(at))):
		case <-ctx.Done():
			return fmt.Errorf("read: %w", ctx.Err())
		}
		if err := each(recordOf(Event{At: at, Event: Succeeded, Queue: "a"})); err != nil {
			return err
		}
	}
	return r.err
}

// pace is how long after an event the next one came.
func (r *river) pace(ago time.Duration) time.Duration {
	if r.burst && ago <= time.Minute {
		return r.every / 100
	}
	return r.every
}

func TestWindowRead(t *testing.T) {
	t.Parallel()
	generous := Limits{Time: time.Hour, Bytes: 1 << 40}
	for name, test := range map[string]struct {
		river   river
		limits  Limits
		reads   int
		atLeast time.Duration // how much is known
		err     error
	}{
		"all of it":                {river{every: time.Second}, generous, 1, 5 * time.Minute, nil},
		"nothing there":            {river{every: time.Hour}, generous, 1, 5 * time.Minute, nil},
		"too many bytes":           {river{every: 100 * time.Millisecond}, Limits{time.Hour, 1_000 * 80}, 3, 40 * time.Second, nil},
		"a burst at the end":       {river{every: time.Second, burst: true}, Limits{time.Hour, 3_000 * 80}, 3, 10 * time.Second, nil},
		"too slow":                 {river{every: 100 * time.Millisecond, cost: 10 * time.Millisecond}, Limits{2 * time.Second, 1 << 40}, 2, 8 * time.Second, nil},
		"comes faster than read":   {river{every: 10 * time.Millisecond, cost: 20 * time.Millisecond, open: true}, Limits{2 * time.Second, 1 << 40}, 2, 0, ErrTooMuch},
		"an end that nobody tells": {river{every: time.Second, open: true}, Limits{2 * time.Second, 1 << 40}, 1, 5 * time.Minute, nil},
		"too slow for anything":    {river{every: time.Second, cost: time.Minute}, Limits{2 * time.Second, 1 << 40}, 1, 0, context.DeadlineExceeded},
		"the reader's error":       {river{every: time.Second, err: errors.ErrUnsupported}, generous, 1, 5 * time.Minute, errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := NewWindow(5*time.Minute, 5*time.Second, "a")
				began := time.Now()
				since, err := w.Read(t.Context(), &test.river, "warren.history", test.limits)
				require.ErrorIs(t, err, test.err)
				assert.Equal(t, test.reads, test.river.reads)
				assert.Less(t, time.Since(began), 7*time.Second)
				if errors.Is(err, ErrTooMuch) {
					assert.Zero(t, w.Sums("a", time.Now()))
					return
				}
				if test.atLeast == 0 {
					return
				}
				known := began.Sub(since)
				assert.GreaterOrEqual(t, known, test.atLeast)
				assert.LessOrEqual(t, known, 5*time.Minute)
				got := w.Sums("a", time.Now())
				assert.GreaterOrEqual(t, got.Ended(), int(known/test.river.pace(known)), "all since then is there")
			})
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := NewWindow(time.Minute, time.Second, "a").Read(ctx, &river{every: time.Millisecond, cost: time.Millisecond}, "s", generous)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
}
