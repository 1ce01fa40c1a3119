//go:build unix

package handlers

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// sh returns a handler that runs a shell script, whose $0, $1 and so on are args.
func sh(t *testing.T, script string, args ...string) *Exec {
	t.Helper()
	e, err := NewExec(ExecConfig{Argv: append([]string{"/bin/sh", "-c", script}, args...)})
	require.NoError(t, err)
	return e
}

func TestNewExecRefusesWhatCannotWork(t *testing.T) {
	for want, config := range map[string]ExecConfig{
		"invalid handler: exec: no program is named":     {},
		"invalid handler: exec: word 2 holds a NUL byte": {Argv: []string{"a", "b\x00"}},
		"invalid handler: exec: grace: -1s is below 0":   {Argv: []string{"a"}, Grace: -time.Second},
		"invalid handler: exec: no program is named ":    {Argv: []string{"", "b"}},
	} {
		_, err := NewExec(config)
		require.ErrorIs(t, err, ErrInvalidHandler)
		assert.EqualError(t, err, strings.TrimSpace(want))
	}
}

func TestExecOutcomes(t *testing.T) {
	for name, test := range map[string]struct {
		script    string
		want      string // empty for done
		permanent bool
	}{
		"done":                       {script: "echo result; echo note >&2; exit 0"},
		"an error":                   {script: "exit 1", want: "exit status 1"},
		"an error with stderr":       {script: "echo a result; echo no luck >&2; exit 3", want: "exit status 3: no luck"},
		"two lines of stderr":        {script: "echo one >&2; echo two >&2; exit 3", want: "exit status 3: one\ntwo"},
		"EX_USAGE is an error":       {script: "exit 64", want: "exit status 64"},
		"EX_DATAERR":                 {script: "echo bad >&2; exit 65", want: "exit status 65: bad", permanent: true},
		"EX_TEMPFAIL":                {script: "echo later >&2; exit 75", want: "exit status 75: later"},
		"EX_CONFIG":                  {script: "exit 78", want: "exit status 78", permanent: true},
		"killed":                     {script: "echo bye >&2; kill -KILL $$", want: "signal: killed: bye"},
		"terminated by someone else": {script: "kill -TERM $$", want: "signal: terminated"},
		"no stderr":                  {script: "exec 2>&-; exit 4", want: "exit status 4"},
	} {
		t.Run(name, func(t *testing.T) {
			err := sh(t, test.script).HandleTask(t.Context(), &tasks.Task{})
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, test.want)
			var permanent *tasks.PermanentError
			assert.Equal(t, test.permanent, errors.As(err, &permanent))
			var exit *exec.ExitError
			assert.ErrorAs(t, err, &exit)
		})
	}
}

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

func TestExecDiscardsABigStdout(t *testing.T) {
	err := sh(t, "head -c 8388608 /dev/zero").HandleTask(t.Context(), &tasks.Task{})
	require.NoError(t, err)
}

func TestExecGivesThePayloadAndTheEnvironment(t *testing.T) {
	t.Setenv("WARREN_SCHEDULE", "of the worker's own task")
	t.Setenv("SOME_SECRET", "s3cret")
	folder := t.TempDir()
	task := &tasks.Task{ID: "id; exit 1 $(exit 1)", Key: "email.welcome", Queue: "email", Attempt: 2,
		Payload: []byte(strings.Repeat("0123456789abcdef", 1<<16)), ContentType: "text/plain"}
	e := sh(t, `cd "$1" && cat >payload && env >env`, "sh", folder)
	require.NoError(t, e.HandleTask(t.Context(), task))

	payload, err := os.ReadFile(filepath.Join(folder, "payload"))
	require.NoError(t, err)
	assert.Equal(t, task.Payload, payload)
	env, err := os.ReadFile(filepath.Join(folder, "env"))
	require.NoError(t, err)
	lines := strings.Split(string(env), "\n")
	for _, want := range []string{
		"WARREN_TASK_ID=id; exit 1 $(exit 1)", "WARREN_ROUTING_KEY=email.welcome", "WARREN_QUEUE=email",
		"WARREN_ATTEMPT=2", "WARREN_CONTENT_TYPE=text/plain", "SOME_SECRET=s3cret", "PATH=" + os.Getenv("PATH"),
	} {
		assert.Contains(t, lines, want)
	}
	assert.NotContains(t, string(env), "WARREN_SCHEDULE")
}

func TestExecNeedNotReadItsStdin(t *testing.T) {
	big := &tasks.Task{Payload: make([]byte, 1<<20)}
	require.NoError(t, sh(t, "exit 0").HandleTask(t.Context(), big))
	require.NoError(t, sh(t, "exec 0<&-; exit 0").HandleTask(t.Context(), big))
	require.NoError(t, sh(t, "head -c 10 >/dev/null").HandleTask(t.Context(), big))
	require.EqualError(t, sh(t, "exit 3").HandleTask(t.Context(), big), "exit status 3")
}

func TestExecOfAProgramThatCannotBeStartedIsRetried(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600))
	missing := filepath.Join(t.TempDir(), "missing")
	for _, test := range []struct {
		program string
		is      error
	}{
		{"warren-test-no-such-program", exec.ErrNotFound},
		{missing, fs.ErrNotExist},
		{plain, fs.ErrPermission},
	} {
		e, err := NewExec(ExecConfig{Argv: []string{test.program}})
		require.NoError(t, err)
		err = e.HandleTask(t.Context(), &tasks.Task{Payload: []byte("{}")})
		require.ErrorIs(t, err, test.is)
		require.ErrorContains(t, err, "cannot start the program: ")
		require.ErrorContains(t, err, test.program)
		var permanent *tasks.PermanentError
		assert.NotErrorAs(t, err, &permanent)
	}
}

func TestExecStartsNothingOnceItsContextHasEnded(t *testing.T) {
	cause := errors.New("the worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	e, err := NewExec(ExecConfig{Argv: []string{"warren-test-no-such-program"}})
	require.NoError(t, err)
	assert.Equal(t, cause, e.HandleTask(ctx, &tasks.Task{}))
}

func TestExecIsNotHeldByAChildThatKeepsStderr(t *testing.T) {
	hold := newFIFO(t)
	e, err := NewExec(ExecConfig{
		Argv:  []string{"/bin/sh", "-c", `(read line <"$1") & echo left behind >&2; exit 0`, "sh", hold},
		Grace: time.Millisecond,
	})
	require.NoError(t, err)
	require.NoError(t, e.HandleTask(t.Context(), &tasks.Task{}))
	// The child is still there to take what it waits for, which shows that nothing killed it.
	require.NoError(t, os.WriteFile(hold, []byte("go\n"), 0))
}

func newFIFO(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	return path
}
