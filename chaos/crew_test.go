package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// envExit has the test's own program be a worker: it writes one run to the ledger, then waits to be
// stopped, or ends by itself with the status that the variable names.
const envExit = "CHAOS_TEST_EXIT"

func actWorker() int {
	asked, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	at := stationFrom(os.Getenv)
	p, err := openPen(at.ledger, at.process)
	if err != nil {
		return exitFailed
	}
	if _, err := p.start(&tasks.Task{ID: at.process}, time.Now()); err != nil {
		return exitFailed
	}
	if code, _ := strconv.Atoi(os.Getenv(envExit)); code != 0 {
		return code
	}
	<-asked.Done()
	return 0
}

// awaitProcess waits until a process has written its run.
func awaitProcess(t *testing.T, l *ledger, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		require.NoError(t, l.read())
		return l.byName[name+" 1"] != nil
	}, 20*time.Second, 5*time.Millisecond, name)
}

func TestCrew(t *testing.T) {
	t.Setenv(envExit, "0")
	folder := t.TempDir()
	l, err := openLedger(filepath.Join(folder, "ledger"))
	require.NoError(t, err)
	defer l.close()
	c, err := startCrew(roleWorker, slices.Repeat([]station{{ledger: filepath.Join(folder, "ledger")}}, 2), folder)
	require.NoError(t, err)
	awaitProcess(t, l, "worker-1.1")
	awaitProcess(t, l, "worker-2.1")
	require.True(t, c.kill(1))
	awaitProcess(t, l, "worker-2.2")
	require.NoError(t, c.stop(t.Context()))
	require.NoError(t, c.stop(t.Context()), "a second time")
	assert.False(t, c.kill(0), "there is none any more")
	deaths, byself, badEnds := c.told()
	require.Len(t, deaths, 1)
	assert.Equal(t, "worker-2.1", deaths[0].process)
	assert.Empty(t, byself)
	assert.Empty(t, badEnds)
}

// A process that is asked to end may do so with status 0, and is started again after a moment.
func TestCrewEnds(t *testing.T) {
	t.Setenv(envExit, "0")
	folder := t.TempDir()
	l, err := openLedger(filepath.Join(folder, "ledger"))
	require.NoError(t, err)
	defer l.close()
	c, err := startCrew(roleWorker, []station{{ledger: filepath.Join(folder, "ledger")}}, folder)
	require.NoError(t, err)
	awaitProcess(t, l, "worker-1.1")
	place, runs := c.placeOf("worker-1.1")
	assert.True(t, runs && place == 0)
	require.True(t, c.end(0, syscall.SIGTERM))
	assert.False(t, c.end(0, syscall.SIGKILL), "it is ending")
	awaitProcess(t, l, "worker-1.2")
	_, runs = c.placeOf("worker-1.1")
	assert.False(t, runs)
	require.NoError(t, c.stop(t.Context()))
	deaths, byself, badEnds := c.told()
	require.Len(t, deaths, 1)
	assert.True(t, deaths[0].asked)
	assert.False(t, deaths[0].gone.Before(deaths[0].at))
	assert.Empty(t, byself)
	assert.Empty(t, badEnds)
}

func TestCrewReplacesWhoEnds(t *testing.T) {
	t.Setenv(envExit, "3")
	folder := t.TempDir()
	l, err := openLedger(filepath.Join(folder, "ledger"))
	require.NoError(t, err)
	defer l.close()
	c, err := startCrew(roleWorker, []station{{ledger: filepath.Join(folder, "ledger")}}, folder)
	require.NoError(t, err)
	awaitProcess(t, l, "worker-1.2")
	require.NoError(t, c.stop(t.Context()))
	_, byself, _ := c.told()
	require.NotEmpty(t, byself)
	assert.Contains(t, byself[0], "worker-1.1: exit status 3")
}
