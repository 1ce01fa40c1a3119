package idempotency_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/idempotency"
	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/tasks"
)

var errBoom = errors.New("boom")

const lease = 9 * time.Second

// unreliable is a store that answers some calls with errBoom when it is told to.
type unreliable struct {
	idempotency.Store
	claim, extend, complete, release atomic.Bool // fails
}

func (s *unreliable) Claim(ctx context.Context, key, owner string, lease time.Duration) (idempotency.Claim, error) {
	if s.claim.Load() {
		return idempotency.Claim{}, errBoom
	}
	return s.Store.Claim(ctx, key, owner, lease)
}

func (s *unreliable) Extend(ctx context.Context, key, owner string, lease time.Duration) error {
	if s.extend.Load() {
		return errBoom
	}
	return s.Store.Extend(ctx, key, owner, lease)
}

func (s *unreliable) Complete(ctx context.Context, key, owner string) error {
	if s.complete.Load() {
		return errBoom
	}
	return s.Store.Complete(ctx, key, owner)
}

func (s *unreliable) Release(ctx context.Context, key, owner string) error {
	if s.release.Load() {
		return errBoom
	}
	return s.Store.Release(ctx, key, owner)
}

func task() *tasks.Task {
	return &tasks.Task{ID: "id-1", Key: "email.welcome", Queue: "mail", Attempt: 5}
}

// decide is what an executor decides about a task on its last attempt, its error apart.
func decide(ctx context.Context, h tasks.Handler, t *tasks.Task) (tasks.Decision, error) {
	e := tasks.Executor{Handler: h, Timeout: time.Hour, Log: slog.New(slog.DiscardHandler)}
	d := e.Execute(ctx, t)
	err := d.Err
	d.Err = nil
	return d, err
}

// guarded is a handler under a middleware that logs into the buffer.
func guarded(store idempotency.Store, log *bytes.Buffer, handle tasks.HandlerFunc, opts ...idempotency.Option) tasks.Handler {
	opts = append([]idempotency.Option{
		idempotency.Lease(lease), idempotency.Log(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	}, opts...)
	return idempotency.Middleware(store, opts...)(handle)
}

func counting(runs *int, answer error) tasks.HandlerFunc {
	return func(context.Context, *tasks.Task) error { *runs++; return answer }
}

// snoozed asserts that a decision is to come back within two lengths, at no cost.
func snoozed(t *testing.T, d tasks.Decision, notBegun bool, from, to time.Duration) {
	t.Helper()
	assert.GreaterOrEqual(t, d.After, from)
	assert.LessOrEqual(t, d.After, to)
	d.After = 0
	assert.Equal(t, tasks.Decision{Action: tasks.Retry, NotBegun: notBegun}, d)
}

func TestDoneIsNotRunAgain(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var runs int
	h := guarded(idempotency.NewMemory(0, nil), &log, counting(&runs, nil))
	for range 3 {
		d, err := decide(t.Context(), h, task())
		require.NoError(t, err)
		assert.Equal(t, tasks.Ack, d.Action)
	}
	assert.Equal(t, 1, runs)
	assert.Equal(t, 2, strings.Count(log.String(), "done already"))

	other := task()
	other.Queue = "audit"
	_, _ = decide(t.Context(), h, other)
	assert.Equal(t, 2, runs, "another queue's is another work")
}

// Whatever a handler fails with, its retry runs at once.
func TestFailureGivesTheClaimBack(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]tasks.HandlerFunc{
		"error":     func(context.Context, *tasks.Task) error { return errBoom },
		"permanent": func(context.Context, *tasks.Task) error { return tasks.Permanent(errBoom) },
		"snooze":    func(context.Context, *tasks.Task) error { return tasks.Snooze(time.Second) },
		"panic":     func(context.Context, *tasks.Task) error { panic("boom") },
		"goexit":    func(context.Context, *tasks.Task) error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := idempotency.NewMemory(0, nil)
			h := guarded(store, new(bytes.Buffer), handle)
			want, _ := decideApart(t, handle)
			got, _ := decideApart(t, h)
			got.After, want.After = 0, 0
			assert.Equal(t, want, got, "as without")
			claim, err := store.Claim(t.Context(), "mail/id-1", tasks.NewID(), lease)
			require.NoError(t, err)
			assert.Equal(t, idempotency.Claimed, claim.State)
		})
	}
}

// decideApart decides in a goroutine of its own, which the handler may end.
func decideApart(t *testing.T, h tasks.Handler) (d tasks.Decision, err error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d, err = decide(t.Context(), h, task())
	}()
	<-ended
	return d, err
}

func TestBusyIsPutOff(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ left, from, to time.Duration }{
		"a lease":    {lease, lease - time.Second, lease + lease/3},
		"its end":    {time.Nanosecond, 0, lease/3 + 1},
		"for hours":  {10 * time.Hour, 150 * time.Second, 5 * time.Minute},
		"in between": {4 * time.Minute, 150 * time.Second, 4*time.Minute + lease/3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			store := idempotency.NewMemory(0, func() time.Time { return now })
			_, err := store.Claim(t.Context(), "mail/id-1", tasks.NewID(), tt.left)
			require.NoError(t, err)
			var runs int
			d, err := decide(t.Context(), guarded(store, new(bytes.Buffer), counting(&runs, nil)), task())
			require.NoError(t, err)
			snoozed(t, d, true, tt.from, tt.to)
			assert.Zero(t, runs)
		})
	}
}

// A claim is extended for as long as the handler runs; of a worker that has died it lapses.
func TestClaimIsExtended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := idempotency.NewMemory(0, nil)
		var runs int
		other := guarded(store, new(bytes.Buffer), counting(&runs, nil))
		h := guarded(store, new(bytes.Buffer), func(ctx context.Context, _ *tasks.Task) error {
			for range 10 {
				<-time.After(lease - time.Nanosecond)
				d, err := decide(t.Context(), other, task())
				assert.NoError(t, err)
				assert.Equal(t, tasks.Retry, d.Action)
			}
			return ctx.Err()
		})
		d, err := decide(t.Context(), h, task())
		require.NoError(t, err)
		assert.Equal(t, tasks.Ack, d.Action)

		dead := task()
		dead.ID = "of a dead worker"
		_, err = store.Claim(t.Context(), idempotency.Key(dead), tasks.NewID(), lease)
		require.NoError(t, err)
		<-time.After(lease)
		d, _ = decide(t.Context(), other, dead)
		assert.Equal(t, tasks.Ack, d.Action)
		assert.Equal(t, 1, runs)
	})
}

// Where nobody can be asked for a lease, the handler is told that its claim is lost, and why.
func TestClaimIsLostWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{"returns nil": nil, "returns an error": tasks.Permanent(errors.New("gave up"))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &unreliable{Store: idempotency.NewMemory(0, nil)}
				store.extend.Store(true)
				var log bytes.Buffer
				began := time.Now()
				h := guarded(store, &log, func(ctx context.Context, _ *tasks.Task) error {
					<-ctx.Done()
					assert.ErrorIs(t, context.Cause(ctx), idempotency.ErrClaimLost)
					assert.ErrorIs(t, context.Cause(ctx), errBoom)
					assert.Equal(t, lease, time.Since(began), "at the lease's end by our clock, no later")
					return answer
				})
				err := h.HandleTask(t.Context(), task())
				require.ErrorIs(t, err, idempotency.ErrClaimLost)
				d, _ := decide(t.Context(), tasks.HandlerFunc(func(context.Context, *tasks.Task) error { return err }), task())
				snoozed(t, d, false, lease/3, lease)
				assert.Contains(t, log.String(), "could not be extended")
				assert.Contains(t, log.String(), "claim was lost")
				claim, err := store.Claim(t.Context(), "mail/id-1", tasks.NewID(), lease)
				require.NoError(t, err)
				assert.Equal(t, idempotency.Claimed, claim.State, "not completed")
			})
		})
	}
}

// A short outage is outlived.
func TestClaimOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &unreliable{Store: idempotency.NewMemory(0, nil)}
		store.extend.Store(true)
		h := guarded(store, new(bytes.Buffer), func(ctx context.Context, _ *tasks.Task) error {
			<-time.After(lease * 8 / 10)
			store.extend.Store(false)
			<-time.After(3 * lease)
			return ctx.Err()
		})
		require.NoError(t, h.HandleTask(t.Context(), task()))
	})
}

// A claim that another has taken over is noticed at the next extension, and by who completes it.
func TestClaimIsTakenOver(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]bool{"noticed while it runs": true, "noticed at its end": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var ahead atomic.Int64
				store := idempotency.NewMemory(0, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
				began := time.Now()
				h := guarded(store, new(bytes.Buffer), func(ctx context.Context, _ *tasks.Task) error {
					ahead.Store(int64(time.Hour)) // the store's clock, and the other worker's
					claim, err := store.Claim(ctx, "mail/id-1", tasks.NewID(), lease)
					require.NoError(t, err)
					require.Equal(t, idempotency.Claimed, claim.State)
					if wait {
						<-ctx.Done()
						assert.ErrorIs(t, context.Cause(ctx), idempotency.ErrClaimLost)
						assert.Equal(t, lease/3, time.Since(began))
					}
					return nil
				})
				require.ErrorIs(t, h.HandleTask(t.Context(), task()), idempotency.ErrClaimLost)
				claim, err := store.Claim(t.Context(), "mail/id-1", tasks.NewID(), lease)
				require.NoError(t, err)
				assert.Equal(t, idempotency.Busy, claim.State, "the other's still")
			})
		})
	}
}

func TestStoreCannotBeAsked(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var runs int
	store := new(unreliable)
	store.claim.Store(true)
	h := guarded(store, &log, counting(&runs, nil))
	err := h.HandleTask(t.Context(), task())
	require.ErrorIs(t, err, idempotency.ErrUnavailable)
	require.ErrorIs(t, err, errBoom)
	d, _ := decide(t.Context(), h, task())
	snoozed(t, d, true, lease/3, lease)
	assert.Zero(t, runs)
	assert.Contains(t, log.String(), "level=ERROR")
	assert.Contains(t, log.String(), "id=id-1")
}

// The completion is tried again for 5 s; then the task counts as done, since it is.
func TestStoreCannotBeTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &unreliable{Store: idempotency.NewMemory(0, nil)}
		store.complete.Store(true)
		store.release.Store(true)
		var log bytes.Buffer
		var runs int
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // the worker stops
		require.NoError(t, guarded(store, &log, counting(&runs, nil)).HandleTask(ctx, task()))
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.Contains(t, log.String(), "level=ERROR")

		other := task()
		other.ID = "late"
		time.AfterFunc(time.Second, func() { store.complete.Store(false) })
		require.NoError(t, guarded(store, &log, counting(&runs, nil)).HandleTask(t.Context(), other))
		claim, err := store.Claim(t.Context(), idempotency.Key(other), tasks.NewID(), lease)
		require.NoError(t, err)
		assert.Equal(t, idempotency.Done, claim.State)

		other.ID = "fails"
		require.ErrorIs(t, guarded(store, &log, counting(&runs, errBoom)).HandleTask(t.Context(), other), errBoom)
		assert.Contains(t, log.String(), "could not be given back")
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	var runs int
	ofUser := idempotency.KeyFunc(func(t *tasks.Task) string { return "welcome/" + string(t.Payload) })
	h := guarded(idempotency.NewMemory(0, nil), new(bytes.Buffer), counting(&runs, nil), ofUser)
	for _, id := range []string{"1", "2"} {
		require.NoError(t, h.HandleTask(t.Context(), &tasks.Task{ID: id, Payload: []byte("user 7")}))
	}
	assert.Equal(t, 1, runs, "one mail a user")

	assert.Equal(t, "mail/id-1", idempotency.Key(task()))
	d, err := decide(t.Context(), guarded(idempotency.NewMemory(0, nil), new(bytes.Buffer), counting(&runs, nil)), &tasks.Task{})
	require.ErrorIs(t, err, idempotency.ErrInvalidKey)
	assert.Equal(t, tasks.DeadLetter, d.Action)
	longest := &tasks.Task{ID: strings.Repeat("i", tasks.MaxIDBytes), Queue: strings.Repeat("q", 180)}
	assert.LessOrEqual(t, len(idempotency.Key(longest)), idempotency.MaxKeyBytes)
}

// Two schedulers that emit one tick publish one ID: one work. The next tick is another.
func TestTicks(t *testing.T) {
	t.Parallel()
	var runs int
	h := guarded(idempotency.NewMemory(0, nil), new(bytes.Buffer), counting(&runs, nil))
	fire := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{fire, fire, fire.Add(24 * time.Hour)} {
		tick := &tasks.Task{ID: scheduler.TaskID("daily-report", at), Queue: "reports", Schedule: "daily-report", ScheduledFor: at}
		require.NoError(t, h.HandleTask(t.Context(), tick))
	}
	assert.Equal(t, 2, runs)
}

// loose is a store that cannot be compared.
type loose struct {
	idempotency.Store
	_ []int
}

func TestNestedWithStoresThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	one, two := loose{Store: idempotency.NewMemory(0, nil)}, loose{Store: idempotency.NewMemory(0, nil)}
	var runs int
	h := guarded(one, new(bytes.Buffer), guarded(two, new(bytes.Buffer), counting(&runs, nil)).HandleTask)
	require.NoError(t, h.HandleTask(t.Context(), task()))
	require.NoError(t, h.HandleTask(t.Context(), task()))
	assert.Equal(t, 1, runs)
}

// A worker that stops gives its task back, and does not blame the store.
func TestStoreIsAskedByAWorkerThatStops(t *testing.T) {
	t.Parallel()
	store := new(unreliable)
	store.claim.Store(true)
	var log bytes.Buffer
	var runs int
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, guarded(store, &log, counting(&runs, nil)).HandleTask(ctx, task()), idempotency.ErrUnavailable)
	assert.Empty(t, log.String())
}

// A queue's and a handler's middleware with one store do not wait for each other; with two stores
// both hold.
func TestNested(t *testing.T) {
	t.Parallel()
	store, other := idempotency.NewMemory(0, nil), idempotency.NewMemory(0, nil)
	var runs int
	h := guarded(store, new(bytes.Buffer), guarded(store, new(bytes.Buffer), guarded(other, new(bytes.Buffer), counting(&runs, nil)).HandleTask).HandleTask)
	require.NoError(t, h.HandleTask(t.Context(), task()))
	require.NoError(t, h.HandleTask(t.Context(), task()))
	assert.Equal(t, 1, runs)
	claim, err := other.Claim(t.Context(), "mail/id-1", tasks.NewID(), lease)
	require.NoError(t, err)
	assert.Equal(t, idempotency.Done, claim.State)
}
