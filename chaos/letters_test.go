package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestLettersCommandLine(t *testing.T) {
	for name, one := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":         {[]string{"letters", "-h"}, 0, "-seed"},
		"bad flag":     {[]string{"letters", "-sede", "1"}, exitUsage, "-sede"},
		"bad rate":     {[]string{"letters", "-rate", "-1"}, exitUsage, "-rate: -1 is below 1"},
		"too few":      {[]string{"letters", "-tasks", "999"}, exitUsage, "-tasks: 999 is below 1000"},
		"bad broker":   {[]string{"letters", "-broker", "kafka"}, exitUsage, "none of node, container, each"},
		"one too many": {[]string{"letters", "now"}, exitUsage, `"now" is one argument too many`},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			assert.Equal(t, one.code, command(context.Background(), one.args, &out, &log))
			assert.Contains(t, log.String(), one.says)
		})
	}
	o, err := parseLetters([]string{"-short", "-seed", "7", "-tasks", "2000", "-broker", "node"}, t.Output())
	require.NoError(t, err)
	assert.Equal(t, letterSettings{seed: 7, tasks: 2000, rate: shortLetters.rate}, o.letterSettings)
	again, err := parseLetters(append([]string{"-broker", "node"}, strings.Fields(o.command())[7:]...), t.Output())
	require.NoError(t, err)
	assert.Equal(t, o, again, "the command line that is told gives the same")
	full, err := parseLetters(nil, t.Output())
	require.NoError(t, err)
	assert.Equal(t, 100_000, full.tasks)
	assert.NotZero(t, full.seed)
}

func TestLetterPlan(t *testing.T) {
	p := newLetterPlan(letterSettings{seed: 7, tasks: 1000})
	assert.Equal(t, p, newLetterPlan(letterSettings{seed: 7, tasks: 1000}))
	assert.Equal(t, []int{600, 300, 100}, []int{p.count(&refused), p.count(&noAddress), p.count(&noField)})
	assert.Same(t, &noField, p.mended.failure)
	all, err := p.messages()
	require.NoError(t, err)
	seen, attempts := map[string]bool{}, map[int]int{}
	m := messenger{mended: filepath.Join(t.TempDir(), "mended")}
	for n, task := range all {
		seen[task.ID] = true
		attempts[task.MaxAttempts]++
		want := failed
		if p.tasks[n].failure.reason == tasks.ReasonPermanent {
			want = ended
		}
		got, err := m.deliver(task.Payload)
		require.ErrorContains(t, err, p.tasks[n].failure.text)
		require.Equal(t, want, got)
	}
	assert.Len(t, seen, 1000)
	assert.Greater(t, attempts[2], 20)
	assert.Equal(t, 1000, attempts[1]+attempts[2])
	assert.True(t, refused.covers("email.#"))
	assert.False(t, refused.covers("email.*"), "email.bye.eu")
	assert.False(t, refused.covers("a..b"))
}

// What most tasks fail of can be mended for all, a field that is missing in the payload alone.
func TestMessenger(t *testing.T) {
	folder := t.TempDir()
	pen, err := openPen(filepath.Join(folder, "ledger"), "w")
	require.NoError(t, err)
	m := messenger{pen: pen, mended: filepath.Join(folder, "mended")}
	whole := parcel{Server: "10.0.0.17:5432", User: addressee{ID: 4711, Email: mendedValue, Address: "here"}}
	bare := parcel{User: addressee{Address: "here"}}
	handle := func(payload any) error {
		body, err := json.Marshal(payload)
		require.NoError(t, err)
		return m.handle(t.Context(), &tasks.Task{ID: "a", Attempt: 1, Payload: body})
	}
	require.EqualError(t, handle(whole), "dial tcp 10.0.0.17:5432: connect: connection refused")
	require.NoError(t, os.WriteFile(m.mended, nil, 0o600))
	require.NoError(t, handle(whole))
	var permanent *tasks.PermanentError
	require.ErrorAs(t, handle(bare), &permanent)
	require.ErrorAs(t, handle("no parcel"), &permanent)
	require.NoError(t, pen.close())

	// The room reads of it what is new each time.
	room := mailroom{done: map[string]bool{}}
	room.ledger, err = openLedger(filepath.Join(folder, "ledger"))
	require.NoError(t, err)
	defer room.ledger.close()
	require.NoError(t, room.read())
	assert.Equal(t, 4, room.ended)
	assert.Equal(t, map[string]bool{"a": true}, room.done)
}

// A run that has not ended holds up those behind it, and is looked at again.
func TestMailroomReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	pen, err := openPen(path, "w")
	require.NoError(t, err)
	room := mailroom{done: map[string]bool{}}
	room.ledger, err = openLedger(path)
	require.NoError(t, err)
	defer room.ledger.close()
	var numbers []int64
	for _, id := range []string{"a", "b", "c"} {
		number, err := pen.start(&tasks.Task{ID: id, Attempt: 1}, farFuture)
		require.NoError(t, err)
		numbers = append(numbers, number)
	}
	for _, step := range []struct {
		ends  int
		ended int
		done  int
	}{{0, 1, 1}, {2, 1, 2}, {1, 3, 3}} {
		require.NoError(t, pen.finish(numbers[step.ends], succeeded, farFuture))
		require.NoError(t, room.read())
		assert.Equal(t, step.ended, room.ended)
		assert.Len(t, room.done, step.done)
	}
	require.NoError(t, pen.close())
}

func TestReadGroups(t *testing.T) {
	rows, err := readGroups(`COUNT  REASON              KEYS          FIRST             LAST      ERROR
60000  attempts-exhausted  email.#       2026-11-21 19:18  19:18:40  dial tcp <addr>: connect: connection refused
  500  permanent           image.resize  19:18:35          19:18:40  two  spaces
`)
	require.NoError(t, err)
	assert.Equal(t, []groupRow{
		{60000, "attempts-exhausted", "email.#", "dial tcp <addr>: connect: connection refused"},
		{500, "permanent", "image.resize", "two  spaces"},
	}, rows)
	_, err = readGroups("nothing")
	require.ErrorContains(t, err, "not six columns")
	_, err = readGroups("A  B  C  D  E  F\nmany  b  c  d  e  f")
	require.ErrorContains(t, err, "invalid syntax")
}

func TestKept(t *testing.T) {
	m := tasks.Message{MessageID: "a", Body: []byte("x"), Headers: map[string]any{"warren-error": "e", "x-delivery-count": 1}}
	same := m
	same.Headers = map[string]any{"warren-error": "e", "x-delivery-count": 2, "x-acquired-count": 1}
	assert.Equal(t, keptOf(m), keptOf(same), "what a look adds")
	for _, other := range []map[string]any{{"warren-error": "f"}, {"warren-error": "e", "x-death": "d"}} {
		same.Headers = other
		assert.NotEqual(t, keptOf(m), keptOf(same))
	}
	all := []kept{{"a", 1}, {"b", 2}, {"c", 3}}
	assert.Zero(t, outOfOrder(all, []kept{all[0], all[2]}))
	assert.Equal(t, 1, outOfOrder(all, []kept{all[2], all[0], all[1]}))
	assert.Equal(t, all[1:], without(all, func(id string) bool { return id == "a" }))
}

func TestRunCommand(t *testing.T) {
	end, err := runCommand(t.Context(), "/bin/sh", []string{"-c", "echo out; echo wrong >&2; exit 3"}, nil)
	require.NoError(t, err)
	assert.Equal(t, []any{"out\n", "wrong\n", 3}, []any{end.stdout, end.stderr, end.code})
	require.EqualError(t, end.err([]string{"dead"}), "warren dead: exit status 3: wrong")

	looks := 0
	end, err = runCommand(t.Context(), "/bin/sleep", []string{"600"}, func() (bool, error) {
		looks++
		return looks == 3, nil
	})
	require.NoError(t, err)
	require.NoError(t, end.err(nil))
	assert.True(t, end.killed)
	assert.Positive(t, end.peak)
}
