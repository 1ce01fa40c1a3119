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
		"a shell finds no program":   {script: "exec /no/such/program 2>&-", want: "exit status 127"},
		"nor one it may run":         {script: "exec /etc/passwd 2>&-", want: "exit status 126"},
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

func newFIFO(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	return path
}
