//go:build unix

package handlers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// run is a handler that runs in the background, its grace in the test's hands.
type run struct {
	cancel context.CancelCauseFunc
	over   chan time.Time // ends the grace
	err    chan error     // what the handler returned
	said   *bufio.Reader  // what the program said on descriptor 3; at its end no process is left
	exec   *Exec
	argv   []string
}

var errStopping = errors.New("the worker stops")

// start runs a script that writes "ready" to descriptor 3. $1 is the path of another FIFO.
func start(t *testing.T, script string, args ...string) *run {
	t.Helper()
	argv := []string{"/bin/sh", "-c", "exec 3>\"$0\"\n" + script, newFIFO(t)}
	r := &run{over: make(chan time.Time, 1), err: make(chan error, 1), argv: append(argv, args...)}
	e, err := NewExec(ExecConfig{Argv: r.argv, After: func(d time.Duration) <-chan time.Time {
		if d == DefaultGrace {
			return r.over
		}
		return time.After(d)
	}})
	require.NoError(t, err)
	r.exec = e
	ctx, cancel := context.WithCancelCause(t.Context())
	r.cancel = cancel
	go func() { r.err <- e.HandleTask(ctx, &tasks.Task{Payload: make([]byte, 1<<20)}) }()
	file, err := os.Open(argv[3])
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, file.Close()) })
	r.said = bufio.NewReader(file)
	r.expect(t, "ready")
	return r
}

// expect reads a line that the program says.
func (r *run) expect(t *testing.T, want string) {
	t.Helper()
	line, err := r.said.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, want, strings.TrimSuffix(line, "\n"))
}

// expectGone waits until no process holds descriptor 3 any more.
func (r *run) expectGone(t *testing.T) {
	t.Helper()
	rest, err := io.ReadAll(r.said)
	require.NoError(t, err)
	require.Empty(t, rest)
}

func TestExecTerminatesTheWholeGroup(t *testing.T) {
	r := start(t, "sleep 1000 & echo ready >&3; wait")
	r.cancel(errStopping)
	r.expectGone(t)
	r.over <- time.Time{} // in case nobody takes the exit status of the orphan
	err := <-r.err
	require.ErrorIs(t, err, errStopping)
	assert.EqualError(t, err, "the worker stops: the program was stopped: signal: terminated")
}

func TestExecKillsTheWholeGroupAfterItsGrace(t *testing.T) {
	r := start(t, "trap '' TERM; sleep 1000 & echo stubborn >&2; echo ready >&3; wait")
	r.cancel(errStopping)
	r.over <- time.Time{}
	r.expectGone(t)
	assert.EqualError(t, <-r.err, "the worker stops: the program was stopped: signal: killed: stubborn")
}

func TestExecKillsWhatOutlivesTheLeader(t *testing.T) {
	r := start(t, `
		(
			trap '' TERM
			echo ready >&3
			while kill -0 $$; do sleep 0.01; done
			echo orphaned >&3
			exec sleep 1000
		) 2>/dev/null &
		wait`)
	r.cancel(errStopping)
	r.expect(t, "orphaned")
	r.over <- time.Time{}
	r.expectGone(t)
	require.ErrorIs(t, <-r.err, errStopping)
}

func TestExecGivesWhatOutlivesTheLeaderItsGrace(t *testing.T) {
	gate := newFIFO(t)
	r := start(t, `
		(
			trap 'while kill -0 $$; do sleep 0.01; done; echo tidying >&3; read line <"$1"; echo tidied >&3; exit 0' TERM
			echo ready >&3
			while :; do sleep 0.01; done
		) 2>/dev/null &
		wait`, gate)
	r.cancel(errStopping)
	r.expect(t, "tidying")
	require.NoError(t, os.WriteFile(gate, []byte("go\n"), 0))
	r.expect(t, "tidied")
	r.expectGone(t)
	r.over <- time.Time{}
	require.ErrorIs(t, <-r.err, errStopping)
}

func TestExecStoppedIsNeverDone(t *testing.T) {
	for _, status := range []int{0, 65, 78} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			r := start(t, fmt.Sprintf("trap 'exit %d' TERM; echo ready >&3; while :; do sleep 0.01; done", status))
			r.cancel(errStopping)
			r.expectGone(t)
			r.over <- time.Time{}
			err := <-r.err
			require.ErrorIs(t, err, errStopping)
			var permanent *tasks.PermanentError
			assert.NotErrorAs(t, err, &permanent)
		})
	}
}

func TestExecTimeoutIsToldOnce(t *testing.T) {
	executor := tasks.Executor{Handler: sh(t, "exec sleep 1000"), Timeout: 20 * time.Millisecond}.WithDefaults()
	decision := executor.Execute(t.Context(), &tasks.Task{Attempt: 1})
	assert.Equal(t, tasks.Retry, decision.Action)
	assert.EqualError(t, decision.Err, "timed out after 20ms: the program was stopped: signal: terminated")
}

// The retry of a program that failed must not run beside what the program has left.
func TestExecStopsWhatAFailureLeavesBehind(t *testing.T) {
	r := start(t, `(trap '' TERM; exec 2>/dev/null; echo ready >&3; while `+outliving+`; do sleep 0.01; done; echo orphaned >&3; exec sleep 1000) &
		read line <"$1"; exit 3`, newFIFO(t))
	require.NoError(t, os.WriteFile(r.argv[len(r.argv)-1], []byte("go\n"), 0))
	r.expect(t, "orphaned")
	r.over <- time.Time{}
	r.expectGone(t)
	assert.EqualError(t, <-r.err, "exit status 3")
	r.cancel(nil)
}

func TestExecKill(t *testing.T) {
	r := start(t, "trap '' TERM; sleep 1000 & echo ready >&3; wait")
	second := make(chan error, 1)
	go func() { second <- r.exec.HandleTask(t.Context(), &tasks.Task{}) }()
	r.expect(t, "ready")
	r.exec.Kill()
	r.exec.Kill()
	r.expectGone(t)
	assert.EqualError(t, <-r.err, "signal: killed")
	assert.EqualError(t, <-second, "signal: killed")
	assert.ErrorIs(t, r.exec.HandleTask(t.Context(), &tasks.Task{}), ErrKilled)
	r.cancel(nil)
}

func TestExecKillMissesNoneThatStarts(t *testing.T) {
	e := sh(t, "exec sleep 1000")
	var starting, ended sync.WaitGroup
	for range 8 {
		starting.Add(1)
		ended.Go(func() {
			starting.Done()
			assert.Error(t, e.HandleTask(t.Context(), &tasks.Task{}))
		})
	}
	starting.Wait()
	e.Kill()
	ended.Wait()
}
