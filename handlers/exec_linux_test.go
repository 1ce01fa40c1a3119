package handlers

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// worker returns a process that runs a program as a worker does.
func worker(t *testing.T, argv ...string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(argv)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asWorker+"="+string(text))
	return cmd
}

func TestExecDiesWithItsWorker(t *testing.T) {
	said := newFIFO(t)
	cmd := worker(t, "/bin/sh", "-c", `exec 3>"$0"; trap '' TERM HUP INT; echo ready >&3; exec sleep 1000`, said)
	require.NoError(t, cmd.Start())
	file, err := os.Open(said)
	require.NoError(t, err)
	defer file.Close()
	line := make([]byte, len("ready\n"))
	_, err = io.ReadFull(file, line)
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	rest, err := io.ReadAll(file)
	require.NoError(t, err)
	assert.Empty(t, rest)
}

// A thread that ends takes along the programs that it started, so it must not end before they do.
func TestExecSurvivesTheEndOfThreads(t *testing.T) {
	ready, finish := newFIFO(t), filepath.Join(t.TempDir(), "finish")
	e := sh(t, `echo >"$0"; until [ -e "$1" ]; do sleep 0.01; done`, ready, finish)
	var handled sync.WaitGroup
	for range 8 {
		handled.Go(func() { assert.NoError(t, e.HandleTask(t.Context(), &tasks.Task{})) })
	}
	said, err := os.OpenFile(ready, os.O_RDWR, 0)
	require.NoError(t, err)
	defer said.Close()
	_, err = io.ReadFull(said, make([]byte, 8))
	require.NoError(t, err)
	for range 50 {
		var ended sync.WaitGroup
		for range 4 {
			ended.Go(runtime.LockOSThread) // a goroutine that ends so ends its thread
		}
		ended.Wait()
	}
	require.NoError(t, os.WriteFile(finish, nil, 0o600))
	handled.Wait()
}

// What left the process group is out of reach, and holds nobody up.
func TestExecCannotStopWhatLeftItsGroup(t *testing.T) {
	hold := newFIFO(t)
	r := start(t, `setsid sh -c 'echo ready >&3; exec 3>&-; read line <"$0"' "$1" & wait`, hold)
	r.cancel(errStopping)
	require.ErrorIs(t, <-r.err, errStopping)
	require.NoError(t, os.WriteFile(hold, []byte("go\n"), 0), "it still reads")
}

func TestExecThatTheSystemCannotStartIsRetried(t *testing.T) {
	t.Run("the worker's environment is too big", func(t *testing.T) {
		t.Setenv("BIG", strings.Repeat("x", 128<<10))
		err := sh(t, "exit 0").HandleTask(t.Context(), &tasks.Task{})
		require.ErrorIs(t, err, syscall.E2BIG)
		assert.EqualError(t, err, "cannot start the program: fork/exec /bin/sh: argument list too long")
		assert.Equal(t, retried, kind(err))
	})
	t.Run("a worker without descriptors", func(t *testing.T) {
		var limit syscall.Rlimit
		require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 0, Max: limit.Max}))
		err := sh(t, "exit 0").HandleTask(t.Context(), &tasks.Task{})
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
		require.ErrorIs(t, err, syscall.EMFILE)
		assert.Equal(t, retried, kind(err))
	})
}

func TestExecOfATaskThatCarriesTooMuchIsPermanent(t *testing.T) {
	err := sh(t, "exit 0").HandleTask(t.Context(), &tasks.Task{TraceState: strings.Repeat("x", environmentBytes)})
	assert.ErrorContains(t, err, "the task carries 65547 bytes beside its payload")
	assert.Equal(t, permanent, kind(err))
}
