//go:build unix

package handlers

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// execute runs a handler as a worker does, and returns what was decided and told meanwhile.
func execute(t *testing.T, h tasks.Handler, task *tasks.Task) (tasks.Decision, []tasks.ProgressEvent) {
	t.Helper()
	var events []tasks.ProgressEvent
	e := tasks.Executor{Handler: h, Progress: func(_ *tasks.Task, event tasks.ProgressEvent) { events = append(events, event) }}
	d := e.Execute(t.Context(), task)
	return d, events
}

func TestExecStdoutIsTheResult(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script      string
		contentType string
		body        string
	}{
		"JSON":       {`echo '{"sum": 5}'; echo note >&2`, "application/json", "{\"sum\": 5}\n"},
		"text":       {`printf 'five é'`, "text/plain; charset=utf-8", "five é"},
		"binary":     {`printf '\377\000'`, "application/octet-stream", "\xff\x00"},
		"as is":      {`cat`, "application/json", `[1]`},
		"the bound":  {`head -c 1048576 /dev/zero | tr '\0' 1`, "application/json", strings.Repeat("1", MaxResultBytes)},
		"left alone": {`sleep 1000 >/dev/null & echo 5; echo $! >"$0"`, "application/json", "5\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left := filepath.Join(t.TempDir(), "left")
			d, _ := execute(t, sh(t, test.script, left), &tasks.Task{ReplyTo: "mine", Payload: []byte("[1]")})
			require.Equal(t, tasks.Ack, d.Action, "%v", d.Err)
			require.NotNil(t, d.Result)
			require.NoError(t, d.Result.Err)
			assert.Equal(t, test.contentType, d.Result.ContentType)
			assert.Equal(t, test.body, string(d.Result.Body))
			if pid, err := os.ReadFile(left); err == nil {
				require.NoError(t, sh(t, "kill "+string(pid)).HandleTask(t.Context(), &tasks.Task{}))
			}
		})
	}
}

func TestExecWithoutAResult(t *testing.T) {
	t.Parallel()
	d, _ := execute(t, sh(t, "exit 0"), &tasks.Task{ReplyTo: "mine"})
	assert.Equal(t, tasks.Decision{Action: tasks.Ack}, d)
	d, _ = execute(t, sh(t, "echo 5"), &tasks.Task{})
	assert.Equal(t, tasks.Decision{Action: tasks.Ack}, d, "nobody asks")
	d, _ = execute(t, sh(t, "echo 5; exit 65"), &tasks.Task{ReplyTo: "mine"})
	assert.Nil(t, d.Result)
	assert.Equal(t, tasks.ReasonPermanent, d.Reason)
	d, _ = execute(t, sh(t, "head -c 1048577 /dev/zero"), &tasks.Task{ReplyTo: "mine"})
	require.Equal(t, tasks.Ack, d.Action)
	assert.EqualError(t, d.Result.Err, "stdout is longer than 1048576 bytes")
}

func TestExecTellsItsProgress(t *testing.T) {
	t.Parallel()
	d, events := execute(t, sh(t, `echo '{"percent": 40, "note": "half é"}' >&3; printf '{"percent": 100}' >&3`), &tasks.Task{})
	require.Equal(t, tasks.Ack, d.Action, "%v", d.Err)
	assert.Equal(t, []tasks.ProgressEvent{{Percent: 40, Note: "half é"}, {Percent: 100}}, events)

	// Children have descriptor 3 too. One that is left behind does not keep the task.
	pid := filepath.Join(t.TempDir(), "pid")
	d, events = execute(t, sh(t, `sleep 1000 & echo $! >"$0"; echo '{"percent": 1}' >&3`, pid), &tasks.Task{})
	require.Equal(t, tasks.Ack, d.Action, "%v", d.Err)
	assert.Len(t, events, 1)
	left, err := os.ReadFile(pid)
	require.NoError(t, err)
	require.NoError(t, sh(t, "kill "+string(left)).HandleTask(t.Context(), &tasks.Task{}))
}

func TestExecIgnoresWhatIsNoProgress(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e, err := NewExec(ExecConfig{
		Argv: []string{"/bin/sh", "-c", `exec >&3; echo half; echo '{"note": "half"}'; echo; head -c 100000 /dev/zero; echo; echo '{"percent": 7, "more": 1}'`},
		Log:  slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	d, events := execute(t, e, &tasks.Task{ID: "my-id"})
	require.Equal(t, tasks.Ack, d.Action, "%v", d.Err)
	assert.Equal(t, []tasks.ProgressEvent{{Percent: 7}}, events)
	assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
	assert.Contains(t, log.String(), "id=my-id")
	assert.NotContains(t, log.String(), "half", "it may be what is encrypted elsewhere")
}

func TestProgressLinesComeInPieces(t *testing.T) {
	t.Parallel()
	d, events := execute(t, tasks.HandlerFunc(func(ctx context.Context, task *tasks.Task) error {
		p := &progressLines{ctx: ctx, log: slog.New(slog.DiscardHandler), task: task}
		for _, b := range []byte("{\"percent\": 1}\n\n{\"percent\": 2}") {
			n, err := p.Write([]byte{b})
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		p.finish()
		return nil
	}), &tasks.Task{})
	require.Equal(t, tasks.Ack, d.Action)
	assert.Equal(t, []tasks.ProgressEvent{{Percent: 1}, {Percent: 2}}, events)
}
