//go:build integration

package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// Each kind of policy, by a real broker: the delays lie in it, whether they go by the ladder or not.
func TestRetryPoliciesThroughTheBroker(t *testing.T) {
	t.Parallel()
	const unit = 120 * time.Millisecond
	busy := errors.New("busy")
	for name, tt := range map[string]struct {
		policy tasks.RetryPolicy
		waits  []time.Duration // between the starts
		reason tasks.Reason
	}{
		"exponential": {
			tasks.RetryPolicy{MaxAttempts: 4, Initial: unit, Max: 3 * unit, Jitter: tasks.NoJitter},
			[]time.Duration{unit, 2 * unit, 3 * unit}, tasks.ReasonAttemptsExhausted,
		},
		"linear": {
			tasks.RetryPolicy{MaxAttempts: 4, Backoff: tasks.Linear, Initial: unit, Jitter: tasks.NoJitter},
			[]time.Duration{unit, 2 * unit, 3 * unit}, tasks.ReasonAttemptsExhausted,
		},
		"fixed": {
			tasks.RetryPolicy{MaxAttempts: 3, Backoff: tasks.Fixed, Initial: unit, Jitter: tasks.NoJitter},
			[]time.Duration{unit, unit}, tasks.ReasonAttemptsExhausted,
		},
		"custom": {
			tasks.RetryPolicy{MaxAttempts: 3, Custom: func(err error, attempt int) time.Duration {
				if !errors.Is(err, busy) {
					return time.Hour
				}
				return time.Duration(3-attempt) * unit
			}},
			[]time.Duration{2 * unit, unit}, tasks.ReasonAttemptsExhausted,
		},
		"should retry: yes, beyond its attempts, then no": {
			tasks.RetryPolicy{MaxAttempts: 1, Initial: time.Millisecond, ShouldRetry: func(err error, attempt int) tasks.Verdict {
				if errors.Is(err, busy) && attempt < 3 {
					return tasks.RetryYes
				}
				return tasks.RetryNo
			}},
			[]time.Duration{0, 0}, tasks.ReasonPermanent,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			starts := make(chan started, 10)
			f.run(worker.Config{Queues: []worker.Queue{{
				Name: "policy", Routes: []string{"policy.#"}, Retry: tt.policy,
				Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
					starts <- started{*task, time.Now()}
					return busy
				}),
			}}})
			f.enqueue(tasks.Task{Key: "policy.x"})
			before := receive(t, starts, "the first start")
			for _, wait := range tt.waits {
				next := receive(t, starts, "the next start")
				assert.GreaterOrEqual(t, next.at.Sub(before.at), wait-time.Millisecond) // the wire has milliseconds
				assert.Less(t, next.at.Sub(before.at), wait+10*time.Second)
				before = next
			}
			letter := f.get("policy.dead")
			assert.Equal(t, string(tt.reason), letter.Headers[tasks.HeaderDeadReason])
			assert.Len(t, letter.Headers[tasks.HeaderErrors], len(tt.waits)+1)
			assert.Empty(t, starts)
		})
	}
}

// A queue's middleware is around every task: what it makes of a panic and of a time that is over is
// what becomes of the task, and a typed handler gets its payload through it.
func TestMiddlewareThroughTheBroker(t *testing.T) {
	t.Parallel()
	type order struct{ Number int }
	buy := tasks.Define[order]("buy.now")
	f := setup(t)
	bought := make(chan order, 10)
	mux := tasks.NewMux()
	buy.Handle(mux, func(ctx context.Context, o order) error {
		switch o.Number {
		case 1:
			panic("sold out")
		case 2:
			<-ctx.Done()
			return ctx.Err()
		}
		bought <- o
		return nil
	})
	var seen []string // one task at a time
	watch := func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, task *tasks.Task) error {
			err := next.HandleTask(ctx, task)
			switch {
			case errors.Is(err, tasks.ErrPanic):
				seen = append(seen, "panic")
			case errors.Is(err, tasks.ErrTimeout):
				seen = append(seen, "timeout")
			case err == nil:
				seen = append(seen, "done")
			}
			return err
		})
	}
	stop := f.run(worker.Config{Queues: []worker.Queue{{
		Name: "buy", Routes: []string{"buy.#"}, Mux: mux, Concurrency: 1, Retry: tasks.RetryPolicy{MaxAttempts: 1},
		Middleware: []tasks.Middleware{
			watch, middleware.Logging(testLog(t)), middleware.Recover(testLog(t)), middleware.Timeout(20 * time.Millisecond),
		},
	}}})
	outcomes := buy.EnqueueMany(f.ctx, f.client, []order{{1}, {2}, {3}})
	for _, o := range outcomes {
		require.NoError(t, o.Err)
	}
	letters := map[string]string{}
	for range 2 {
		d := f.get("buy.dead")
		letters[d.MessageId], _ = d.Headers[tasks.HeaderError].(string)
	}
	assert.Contains(t, letters[outcomes[0].ID], "sold out")
	assert.Contains(t, letters[outcomes[1].ID], "timed out after 20ms")
	assert.Equal(t, order{3}, receive(t, bought, "the third order"))
	require.NoError(t, stop())
	assert.Equal(t, []string{"panic", "timeout", "done"}, seen)
}

// No more of a pattern run at a time than it may, no more start a second than the queue may, and
// others are not kept waiting by either limit's tasks.
func TestLimitsThroughTheBroker(t *testing.T) {
	t.Parallel()
	f := setup(t)
	began, finish := make(chan string, 100), make(chan struct{})
	mux := tasks.NewMux()
	mux.HandleFunc("mixed.one", func(_ context.Context, task *tasks.Task) error { began <- task.Key; <-finish; return nil }, tasks.Concurrency(1))
	mux.HandleFunc("mixed.#", func(_ context.Context, task *tasks.Task) error { began <- task.Key; return nil })
	paced := make(chan time.Time, 100)
	f.run(worker.Config{Queues: []worker.Queue{
		{Name: "mixed", Routes: []string{"mixed.#"}, Mux: mux, Concurrency: 2},
		{
			Name: "paced", Routes: []string{"paced.#"}, RateLimit: 10, RateBurst: 1,
			Mux: handle("#", func(context.Context, *tasks.Task) error { paced <- time.Now(); return nil }),
		},
	}})
	const count = 5
	enqueued := time.Now()
	for range count {
		f.enqueue(tasks.Task{Key: "mixed.one"})
		f.enqueue(tasks.Task{Key: "paced.x"})
	}
	for range count {
		f.enqueue(tasks.Task{Key: "mixed.other"})
	}
	ran := map[string]int{}
	for range count + 1 {
		ran[receive(t, began, "a start")]++
	}
	assert.Equal(t, map[string]int{"mixed.one": 1, "mixed.other": count}, ran)
	close(finish)
	for range count - 1 {
		assert.Equal(t, "mixed.one", receive(t, began, "its turn"))
	}
	var last time.Time
	for range count {
		last = receive(t, paced, "a paced start")
	}
	assert.GreaterOrEqual(t, last.Sub(enqueued), (count-1)*100*time.Millisecond)
}
