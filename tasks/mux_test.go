package tasks_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

func TestMuxFindsTheMostSpecific(t *testing.T) {
	t.Parallel()
	patterns := []string{"#", "*", "email.#", "email.*", "email.*.eu", "*.welcome", "email.welcome", "#.eu", "email.welcome.#"}
	wants := map[string]string{
		"email.welcome":     "email.welcome.#", // a word longer, and # stands for no word too
		"email.goodbye":     "email.*",
		"email.goodbye.eu":  "email.*.eu",
		"email.goodbye.us":  "email.#",
		"email.welcome.eu":  "email.welcome.#",
		"email":             "email.#",
		"push.welcome":      "*.welcome",
		"push":              "*",
		"push.a.eu":         "#.eu",
		"push.a.b":          "#",
		"":                  "#",
		"Email.Welcome":     "#",
		"email.welcome.a.b": "email.welcome.#",
	}
	rapid.Check(t, func(t *rapid.T) {
		mux, ran := tasks.NewMux(), ""
		for _, pattern := range rapid.Permutation(patterns).Draw(t, "order") {
			mux.HandleFunc(pattern, func(context.Context, *tasks.Task) error { ran = pattern; return nil })
		}
		require.NoError(t, mux.Err())
		for key, want := range wants {
			handler, pattern, ok := mux.Find(key)
			require.True(t, ok, key)
			require.Equal(t, want, pattern.String(), key)
			require.NoError(t, handler.HandleTask(context.Background(), nil))
			require.Equal(t, want, ran, key)
			ran = ""
			require.NoError(t, mux.HandleTask(context.Background(), &tasks.Task{Key: key}))
			require.Equal(t, want, ran, key)
		}
	})
}

func TestMuxWithoutAMatch(t *testing.T) {
	t.Parallel()
	mux := tasks.NewMux()
	for range 2 {
		handler, pattern, ok := mux.Find("image.resize")
		assert.False(t, ok)
		assert.Nil(t, handler)
		assert.Zero(t, pattern)
		err := mux.HandleTask(t.Context(), &tasks.Task{Key: "image.resize"})
		require.ErrorIs(t, err, tasks.ErrNoHandler)
		require.ErrorContains(t, err, `"image.resize"`)
		mux.HandleFunc("email.#", func(context.Context, *tasks.Task) error { return nil })
	}
}

func TestMuxPassesOn(t *testing.T) {
	t.Parallel()
	task, boom := &tasks.Task{Key: "email"}, errors.New("boom")
	ctx := tasks.ContextWithTask(t.Context(), task)
	mux := tasks.NewMux()
	mux.HandleFunc("email", func(got context.Context, t1 *tasks.Task) error {
		assert.Equal(t, ctx, got)
		assert.Same(t, task, t1)
		return boom
	})
	assert.Same(t, boom, mux.HandleTask(ctx, task))
}

func TestMuxErrors(t *testing.T) {
	t.Parallel()
	done := func(context.Context, *tasks.Task) error { return nil }
	mux := tasks.NewMux()
	require.NoError(t, mux.Err())
	mux.HandleFunc("email.#", done)
	mux.HandleFunc("email..x", done)
	mux.HandleFunc("#.#.#", done)
	mux.HandleFunc("email.#", done)
	mux.HandleFunc("nil.function", nil)
	mux.Handle("nil.handler", nil)
	mux.Handle("nil.handlerfunc", tasks.HandlerFunc(nil))
	tasks.Define[int]("nil.typed").Handle(mux, nil)
	mux.HandleFunc("image", done)

	err := mux.Err()
	require.ErrorIs(t, err, tasks.ErrInvalidMux)
	require.ErrorIs(t, err, routing.ErrInvalidPattern)
	for _, says := range []string{`"email..x"`, `"#.#.#"`, `"email.#" is handled twice`, `"nil.function": the handler is nil`,
		`"nil.handler": the handler is nil`, `"nil.handlerfunc": the handler is nil`, `"nil.typed": the handler is nil`} {
		require.ErrorContains(t, err, says)
	}
	for key, want := range map[string]bool{"email.x": true, "image": true, "nil.handler": false, "nil.handlerfunc": false} {
		_, _, ok := mux.Find(key)
		assert.Equal(t, want, ok, key)
	}
}

func TestMuxRefusesWhatIsEncrypted(t *testing.T) {
	t.Parallel()
	m := tasks.NewMux()
	m.HandleFunc("#", func(context.Context, *tasks.Task) error {
		assert.Fail(t, "it must not be run")
		return nil
	})
	err := m.HandleTask(t.Context(), &tasks.Task{Key: "a", KeyID: "7"})
	require.ErrorIs(t, err, tasks.ErrUndecryptable)
	assert.Equal(t, `undecryptable: it is encrypted with key "7", and this worker has no keys`, err.Error())
}

// What Match has found for a task is what runs it, as long as neither the mux nor the key is another.
func TestMuxMatch(t *testing.T) {
	t.Parallel()
	var ran string
	runs := func(name string) tasks.HandlerFunc {
		return func(context.Context, *tasks.Task) error { ran = name; return nil }
	}
	mux, other := tasks.NewMux(), tasks.NewMux()
	mux.Handle("email.#", runs("any"))
	mux.Handle("email.welcome", runs("welcome"), tasks.Concurrency(3))
	other.Handle("#", runs("other"))
	assert.Equal(t, []string{"email.welcome", "email.#"}, mux.Patterns())
	assert.Empty(t, tasks.NewMux().Patterns())

	task := &tasks.Task{Key: "email.welcome"}
	for range 2 {
		pattern, limit := mux.Match(task)
		assert.Equal(t, "email.welcome", pattern)
		assert.Equal(t, 3, limit)
	}
	require.NoError(t, mux.HandleTask(t.Context(), task))
	assert.Equal(t, "welcome", ran)
	require.NoError(t, other.HandleTask(t.Context(), task))
	assert.Equal(t, "other", ran)
	task.Key = "email.goodbye" // as a middleware may
	require.NoError(t, mux.HandleTask(t.Context(), task))
	assert.Equal(t, "any", ran)
	pattern, limit := mux.Match(task)
	assert.Equal(t, "email.#", pattern)
	assert.Zero(t, limit)
	task.Key = "import.rows"
	pattern, _ = mux.Match(task)
	assert.Empty(t, pattern)
	require.ErrorIs(t, mux.HandleTask(t.Context(), task), tasks.ErrNoHandler)
}
