package middleware_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/tasks"
)

// Ten tasks at once, two tokens at once and one a second: each has its time, in its slot.
func TestRateLimitWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		var ran []time.Duration
		h := middleware.RateLimit(rate.NewLimiter(1, 2))(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, time.Since(start))
			return errBoom
		}))
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				d, err := deciding(t.Context(), h, task())
				assert.Same(t, errBoom, err)
				assert.Equal(t, tasks.Retry, d.Action)
			})
		}
		all.Wait()
		want := []time.Duration{0, 0}
		for i := range time.Duration(8) {
			want = append(want, (i+1)*time.Second)
		}
		assert.Equal(t, want, ran)
	})
}

// Where half of the task's time would not do, the token is given back and the task put off, at once
// and at no cost.
func TestRateLimitSnoozes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limiter *rate.Limiter
		timeout time.Duration // of the task
		want    time.Duration // of the snooze; 0: it waits and runs
	}{
		"half of its time":             {rate.NewLimiter(rate.Every(time.Second), 1), 2 * time.Second, 0},
		"just more than half":          {rate.NewLimiter(rate.Every(time.Second), 1), 2*time.Second - 1*time.Millisecond, time.Second},
		"more than all of its time":    {rate.NewLimiter(rate.Every(2*time.Minute), 1), time.Minute, 2 * time.Minute},
		"long enough to change it all": {rate.NewLimiter(rate.Every(time.Hour), 1), time.Minute, 5 * time.Minute},
		"a limit of 0":                 {rate.NewLimiter(0, 1), time.Minute, 5 * time.Minute},
		"a burst of 0":                 {rate.NewLimiter(1, 0), time.Minute, 5 * time.Minute},
		"no limit":                     {rate.NewLimiter(rate.Inf, 0), time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tt.limiter.Allow() // the burst
				ran := false
				h := middleware.RateLimit(tt.limiter)(tasks.HandlerFunc(func(context.Context, *tasks.Task) error { ran = true; return nil }))
				last := task()
				last.Attempt, last.Timeout = 100, tt.timeout
				start := time.Now()
				got, err := deciding(t.Context(), h, last)
				require.NoError(t, err)
				if tt.want == 0 {
					assert.Equal(t, tasks.Decision{Action: tasks.Ack}, got)
					return
				}
				assert.False(t, ran)
				assert.Equal(t, tasks.Decision{Action: tasks.Retry, After: tt.want, NotBegun: true}, got, "the last attempt is not spent")
				assert.Zero(t, time.Since(start))
				assert.InDelta(t, 0, tt.limiter.Tokens(), 1e-6, "the token is given back")
			})
		})
	}
}

// Without a deadline it waits as long as it takes; a limiter that gives none is not waited for.
func TestRateLimitWithoutADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := rate.NewLimiter(rate.Every(time.Hour), 1)
		start := time.Now()
		for range 3 {
			require.NoError(t, middleware.RateLimit(limiter)(returning(nil)).HandleTask(t.Context(), task()))
		}
		assert.Equal(t, 2*time.Hour, time.Since(start))
		var snooze *tasks.SnoozeError
		require.ErrorAs(t, middleware.RateLimit(rate.NewLimiter(0, 0))(returning(nil)).HandleTask(t.Context(), task()), &snooze)
	})
}

// A worker that stops gets its task back at once, and the others their token.
func TestRateLimitWhileStopping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		limiter := rate.NewLimiter(rate.Every(10*time.Second), 1)
		limiter.Allow()
		decided := make(chan tasks.Decision)
		go func() {
			d, _ := deciding(ctx, middleware.RateLimit(limiter)(returning(nil)), task())
			decided <- d
		}()
		<-time.After(4 * time.Second)
		stop()
		assert.Equal(t, tasks.Requeue, (<-decided).Action)
		assert.InDelta(t, 0.4, limiter.Tokens(), 1e-6, "the token is given back")
	})
}

// Where only the context of the handler ends, the rest of the wait is the snooze.
func TestRateLimitWhereTheContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		limiter := rate.NewLimiter(rate.Every(10*time.Second), 1)
		limiter.Allow()
		time.AfterFunc(4*time.Second, cancel)
		err := middleware.RateLimit(limiter)(returning(nil)).HandleTask(ctx, task())
		var snooze *tasks.SnoozeError
		require.ErrorAs(t, err, &snooze)
		assert.Equal(t, 6*time.Second, snooze.After)
	})
}

func TestRateLimitByAnotherClock(t *testing.T) {
	t.Parallel()
	clock := clockwork.NewFakeClock()
	var ran atomic.Int32
	h := middleware.RateLimit(rate.NewLimiter(1, 1), middleware.Clock(clock))(tasks.HandlerFunc(func(context.Context, *tasks.Task) error {
		ran.Add(1)
		return nil
	}))
	require.NoError(t, h.HandleTask(t.Context(), task()))
	finished := make(chan error)
	go func() { finished <- h.HandleTask(t.Context(), task()) }()
	require.NoError(t, clock.BlockUntilContext(t.Context(), 1))
	assert.EqualValues(t, 1, ran.Load())
	clock.Advance(time.Second)
	require.NoError(t, <-finished)
	assert.EqualValues(t, 2, ran.Load())
}

func TestRateLimitOfNothing(t *testing.T) {
	t.Parallel()
	assert.Same(t, errBoom, middleware.RateLimit(nil)(returning(errBoom)).HandleTask(t.Context(), task()))
}
