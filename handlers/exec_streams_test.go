//go:build unix

package handlers

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestExecTellsTheEndOfALongStderr(t *testing.T) {
	const script = `i=0; while [ $i -lt 20000 ]; do echo "line $i of many"; i=$((i+1)); done >&2; exit 1`
	err := sh(t, script).HandleTask(t.Context(), &tasks.Task{})
	require.Error(t, err)
	text, ok := strings.CutPrefix(err.Error(), "exit status 1: ")
	require.True(t, ok, "%+v", err)
	assert.LessOrEqual(t, len(err.Error()), tasks.MaxErrorBytes)
	lines := strings.Split(text, "\n")
	assert.Greater(t, len(lines), 50)
	assert.Equal(t, "line 19999 of many", lines[len(lines)-1])
	for _, line := range lines {
		assert.Regexp(t, `^line 1\d{4} of many$`, line)
	}
}

func TestExecMakesStderrValidUTF8(t *testing.T) {
	err := sh(t, `printf '\377\376 caf\303\251' >&2; exit 1`).HandleTask(t.Context(), &tasks.Task{})
	require.EqualError(t, err, "exit status 1: \uFFFD café")
	assert.True(t, utf8.ValidString(err.Error()))
}

// What a program writes takes neither memory nor its time, however much it is.
func TestExecIsNotFilledByItsProgram(t *testing.T) {
	const script = "head -c 134217728 /dev/zero; head -c 134217728 /dev/zero | tr '\\0' x >&2; exit 1"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := sh(t, script).HandleTask(t.Context(), &tasks.Task{})
	runtime.ReadMemStats(&after)
	assert.EqualError(t, err, "exit status 1: …"+strings.Repeat("x", stderrBytes-len(mark)))
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestExecGivesThePayloadAsItIs(t *testing.T) {
	random := make([]byte, 1<<20)
	_, _ = rand.Read(random)
	for name, payload := range map[string][]byte{
		"none": nil, "empty": {}, "a line without end": []byte("{}"), "NUL": {0}, "not UTF-8": {0xff, 0xfe, '\n', 4}, "a random MiB": random,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "payload")
			require.NoError(t, sh(t, `cat >"$0"`, path).HandleTask(t.Context(), &tasks.Task{Payload: payload}))
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(payload), string(got))
		})
	}
}

func TestExecNeedNotReadItsStdin(t *testing.T) {
	big := &tasks.Task{Payload: make([]byte, 1<<20)}
	require.NoError(t, sh(t, "exit 0").HandleTask(t.Context(), big))
	require.NoError(t, sh(t, "exec 0<&-; exit 0").HandleTask(t.Context(), big))
	require.NoError(t, sh(t, "head -c 10 >/dev/null").HandleTask(t.Context(), big))
	require.EqualError(t, sh(t, "exit 3").HandleTask(t.Context(), big), "exit status 3")
}

func TestExecRunsInTheWorkersDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("program", []byte("#!/bin/sh\npwd -P >where\n"), 0o700))
	e, err := NewExec(ExecConfig{Argv: []string{"./program"}})
	require.NoError(t, err)
	require.NoError(t, e.HandleTask(t.Context(), &tasks.Task{}))
	where, err := os.ReadFile("where")
	require.NoError(t, err)
	here, err := filepath.EvalSymlinks(".")
	require.NoError(t, err)
	here, err = filepath.Abs(here)
	require.NoError(t, err)
	assert.Equal(t, here+"\n", string(where))
}

// A program that is done is done: a child may hold all of its streams, and is left alone.
func TestExecIsNotHeldByWhatASuccessLeavesBehind(t *testing.T) {
	hold, said := newFIFO(t), newFIFO(t)
	e := sh(t, `(read line <"$0"; echo "$line" >"$1") & echo left behind >&2; exit 0`, hold, said)
	require.NoError(t, e.HandleTask(t.Context(), &tasks.Task{Payload: make([]byte, 1<<20)}))
	require.NoError(t, os.WriteFile(hold, []byte("still here\n"), 0))
	text, err := os.ReadFile(said)
	require.NoError(t, err)
	assert.Equal(t, "still here\n", string(text))
}

// outliving is a shell's condition that holds while the leader of the script has not been waited for.
const outliving = "kill -0 $$ 2>/dev/null"

func TestExecTellsWhatAChildPassesOnAfterAFailure(t *testing.T) {
	err := sh(t, `(while `+outliving+`; do sleep 0.01; done; echo passed on >&2) & exit 3`).HandleTask(t.Context(), &tasks.Task{})
	assert.EqualError(t, err, "exit status 3: passed on")
}

func TestExecDoesNotWaitForeverForStderrAfterAFailure(t *testing.T) {
	said := newFIFO(t)
	done := make(chan error, 1)
	e := sh(t, `exec 3>"$0"; echo no luck >&2; sleep 1000 & exit 3`, said)
	go func() { done <- e.HandleTask(t.Context(), &tasks.Task{}) }()
	file, err := os.Open(said)
	require.NoError(t, err)
	defer file.Close()
	rest, err := io.ReadAll(file)
	require.NoError(t, err, "the child was stopped")
	assert.Empty(t, rest)
	assert.EqualError(t, <-done, "exit status 3: no luck")
}
