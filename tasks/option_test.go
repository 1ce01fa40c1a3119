package tasks_test

import (
	"context"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestEnqueueOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // its clock stands still
		var got tasks.Task
		to := enqueuerFunc(func(_ context.Context, task tasks.Task) (string, error) {
			got = task
			return "", nil
		})
		enqueue := func(opts ...tasks.EnqueueOption) tasks.Task {
			_, err := welcome.Enqueue(t.Context(), to, welcomeEmail{Lang: "eo"}, opts...)
			require.NoError(t, err)
			_, err = tasks.Encode(got, time.Now())
			require.NoError(t, err)
			return got
		}
		assert.Equal(t, tasks.Task{
			Key: "email.welcome", Payload: []byte(`{"user_id":0,"lang":"eo"}`), NotBefore: time.Now().Add(5 * time.Second),
			ExpiresAt: now, Priority: 7, ID: "mine", MaxAttempts: 3, Timeout: time.Minute,
			CorrelationID: "c", ReplyTo: "r", Type: "t", AppID: "a", TraceParent: "tp", TraceState: "ts",
			Headers: map[string]any{"x-tenant": "acme", "x-n": 1},
		}, enqueue(tasks.Delay(5*time.Second), tasks.ExpiresAt(now), tasks.Priority(7), tasks.ID("mine"), tasks.MaxAttempts(3),
			tasks.Timeout(time.Minute), tasks.CorrelationID("c"), tasks.ReplyTo("r"), tasks.Type("t"), tasks.AppID("a"),
			tasks.Trace("tp", "ts"), tasks.Header("x-tenant", "acme"), tasks.Header("x-n", 1)))

		assert.Equal(t, now, enqueue(tasks.Delay(time.Hour), tasks.At(now)).NotBefore, "the last option of a kind holds")

		shared := []tasks.EnqueueOption{tasks.Delay(time.Second), tasks.ExpiresIn(time.Minute), tasks.Header("x-n", 1)}
		for range 2 {
			task := enqueue(shared...)
			assert.Equal(t, time.Now().Add(time.Second), task.NotBefore, "from each Enqueue")
			assert.Equal(t, time.Now().Add(time.Minute), task.ExpiresAt)
			task.Headers["x-n"] = "changed"
			assert.Equal(t, map[string]any{"x-n": 1}, enqueue(shared...).Headers, "each task has its own headers")
			<-time.After(time.Hour)
		}
	})
}

// The compiler refuses an option of one verb where the other's is wanted.
func TestOptionsAreOfTheirVerb(t *testing.T) {
	t.Parallel()
	enqueue, handle := reflect.TypeFor[tasks.EnqueueOption](), reflect.TypeFor[tasks.HandleOption]()
	assert.False(t, enqueue.AssignableTo(handle))
	assert.False(t, enqueue.ConvertibleTo(handle))
	assert.False(t, handle.AssignableTo(enqueue))
	assert.False(t, handle.ConvertibleTo(enqueue))
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	done := func(context.Context, *tasks.Task) error { return nil }
	mux := tasks.NewMux()
	mux.HandleFunc("email.#", done)
	mux.HandleFunc("image.#", done)
	pattern, limit := mux.Match(&tasks.Task{Key: "email.welcome"})
	assert.Equal(t, "email.#", pattern)
	assert.Zero(t, limit, "no limit at all")

	welcome.Handle(mux, func(context.Context, welcomeEmail) error { return nil }, tasks.Concurrency(2))
	mux.HandleFunc("email.*.eu", done, tasks.Concurrency(1))
	mux.Handle("image.*", tasks.HandlerFunc(done), tasks.Concurrency(7), tasks.Concurrency(tasks.MaxConcurrency))
	require.NoError(t, mux.Err())
	for key, want := range map[string]struct {
		pattern string
		limit   int
	}{
		"email.welcome":    {"email.welcome", 2},
		"email.welcome.eu": {"email.*.eu", 1},
		"email.goodbye":    {"email.#", 0},
		"image.resize":     {"image.*", 10_000},
		"image.resize.png": {"image.#", 0},
		"nobody":           {"", 0},
	} {
		pattern, limit := mux.Match(&tasks.Task{Key: key})
		assert.Equal(t, want.pattern, pattern, key)
		assert.Equal(t, want.limit, limit, key)
	}
}

func TestConcurrencyBounds(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, -1, tasks.MaxConcurrency + 1} {
		mux := tasks.NewMux()
		tasks.Define[int]("image.resize").Handle(mux, func(context.Context, int) error { return nil }, tasks.Concurrency(n))
		require.ErrorIs(t, mux.Err(), tasks.ErrInvalidMux)
		require.ErrorContains(t, mux.Err(), `pattern "image.resize": concurrency: `)
		require.ErrorContains(t, mux.Err(), "is not within 1..10000")
		_, limit := mux.Match(&tasks.Task{Key: "image.resize"})
		assert.Zero(t, limit)
	}
}
