package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

func TestExplain(t *testing.T) {
	path := file(t, sample)
	explain := func(args ...string) outcome {
		return environment{}.run(t.Context(), append([]string{"-c", path, "routes", "explain"}, args...)...)
	}

	o := explain("email.welcome")
	assert.Equal(t, exitDone, o.code)
	assert.Equal(t, `queue email wants email.welcome
  by       email.#, *.welcome
  handler  email.*: exec ./bin/send-email
  before   email.#: http http://127.0.0.1:8080/tasks (word 2: * before #)
queue audit wants email.welcome
  by       #
  handler  a Go program's own
`, o.stdout)

	o = explain("email.welcome", "--json")
	assert.Equal(t, exitDone, o.code)
	assert.Contains(t, o.stdout, `"handler":{"pattern":"email.*","exec":"./bin/send-email"},`+
		`"others":[{"pattern":"email.#","http":"http://127.0.0.1:8080/tasks","why":"word 2: * before #"}]}`+"\n")
	assert.Contains(t, o.stdout, `{"key":"email.welcome","queue":"audit","routes":["#"],"handler":null}`+"\n")

	o = explain("import.xml")
	assert.Equal(t, exitFailed, o.code, "a queue wants it and cannot run it")
	assert.Contains(t, o.stdout, "queue narrow wants import.xml\n  by       import.#\n"+
		"  handler  none matches: the task will be dead, with the reason no-handler\n")
	assert.Empty(t, o.stderr)
}

func TestExplainWhatNobodyWants(t *testing.T) {
	path := file(t, "broker: {prefix: acme}\nqueues: {email: {routes: ['email.#']}}")
	o := environment{}.run(t.Context(), "-c", path, "routes", "explain", "sms.send")
	assert.Equal(t, exitFailed, o.code)
	assert.Equal(t, "no queue of "+path+` wants sms.send
  acme.strict, the entrance of Go programs and of warren enqueue, refuses it as unroutable
  acme.tasks, the entrance of everybody, parks it in acme.unrouted
`, o.stdout)
	assert.Empty(t, o.stderr)

	o = environment{}.run(t.Context(), "-c", path, "routes", "explain", "sms.send", "--json")
	assert.Equal(t, exitFailed, o.code)
	assert.Empty(t, o.stdout+o.stderr)
}

func TestPrecedence(t *testing.T) {
	for _, test := range []struct{ first, second, want string }{
		{"a.b", "a.*", "word 2: a literal before *"},
		{"a.#", "*.b", "word 1: a literal before *"},
		{"*.a", "#.a", "word 1: * before #"},
		{"a.#.b", "a.#", "the longer before the shorter"},
		{"#.a.#", "#.b.#", "equally specific: by the alphabet"},
	} {
		assert.Equal(t, test.want, precedence(pattern(t, test.first), pattern(t, test.second)))
	}
}

func pattern(t require.TestingT, text string) routing.Pattern {
	p, err := routing.ParsePattern(text)
	require.NoError(t, err)
	return p
}

// What is explained is what a worker's mux does.
func TestExplainAgreesWithTheMux(t *testing.T) {
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "*", "#"}), 1, 3).Filter(func(words []string) bool {
		return strings.Count(strings.Join(words, ""), "#") <= routing.MaxHashes
	})
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
			return strings.Join(words.Draw(t, "words"), ".")
		}), 1, 6, rapid.ID).Draw(t, "patterns")
		key := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 4).Draw(t, "key"), ".")

		var q config.Queue
		mux := tasks.NewMux()
		for _, text := range patterns {
			q.Handlers = append(q.Handlers, config.Handler{Pattern: text, Exec: []string{"true"}})
			mux.HandleFunc(text, func(context.Context, *tasks.Task) error { return nil })
		}
		require.NoError(t, mux.Err())
		e := explanation{Key: key}
		require.NoError(t, e.choose(&q))
		_, want, found := mux.Find(key)
		require.Equal(t, found, e.Handler != nil)
		if found {
			require.Equal(t, want.String(), e.Handler.Pattern)
		}
	})
}
