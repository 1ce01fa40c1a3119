//go:build integration

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// chunks is how many the batch of TestBatch has; make batch has it be more.
var chunks = flag.Int("chunks", 50, "chunks of the batch in TestBatch")

// The batch's name, and what the test binary is told where it enqueues it and does not test.
const (
	batchID       = "import-2026-11"
	asEnqueuer    = "WARREN_TEST_AS_ENQUEUER" // how many chunks there are
	enqueuerDies  = "WARREN_TEST_ENQUEUER_DIES"
	itemsPerChunk = 10
)

var importRows = tasks.Define[[]int]("import.rows")

// enqueueBatch is a process that enqueues the batch; it may be one that is killed in the middle.
func enqueueBatch(ctx context.Context, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{os.Getenv("WARREN_URL")}})
	if err != nil {
		return err
	}
	defer client.Close()
	var to tasks.ManyEnqueuer = client
	if os.Getenv(enqueuerDies) != "" {
		to = dying{client, n / 2}
	}
	_, err = tasks.EnqueueBatch(ctx, to, importRows, tasks.Batch{ID: batchID, ChunkSize: itemsPerChunk}, make([]int, n*itemsPerChunk))
	return err
}

// dying publishes so many tasks, and then there is nobody any more.
type dying struct {
	client *broker.Client
	after  int
}

func (d dying) EnqueueMany(ctx context.Context, many []tasks.Task) []tasks.Enqueued {
	d.client.EnqueueMany(ctx, many[:min(d.after, len(many))])
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// A batch whose enqueuer is killed in the middle and run again, and whose worker is killed too, is done
// in the end, and its history says so: every chunk once, however often it was published and run.
func TestBatch(t *testing.T) {
	t.Parallel()
	vhost := brokertest.NewVhost(t)
	path := file(t, `
queues:
  import:
    routes: ["import.#"]
    handlers:
      "import.rows": {exec: [sleep, "0.02"]}
    concurrency: 4
history: {level: all}
`)
	client, err := broker.Connect(t.Context(), broker.Config{URLs: []string{vhost.URL}})
	require.NoError(t, err)
	defer client.Close()
	process := func(args []string, environment ...string) (command *exec.Cmd, exited chan struct{}) {
		command = exec.Command(os.Args[0], args...)
		command.Env = append(append(os.Environ(), "WARREN_URL="+vhost.URL), environment...)
		command.Stderr = t.Output()
		require.NoError(t, command.Start())
		exited = make(chan struct{})
		go func() {
			_ = command.Wait() // its state tells
			close(exited)
		}()
		t.Cleanup(func() { _ = command.Process.Kill(); <-exited })
		return command, exited
	}
	start := func() *exec.Cmd {
		worker, _ := process([]string{"-c", path}, asWorker+"=1", "WARREN_LOG_LEVEL=error")
		return worker
	}
	status := func() history.BatchStatus {
		s, err := history.ReadBatch(t.Context(), client, client.Names().History(), batchID)
		require.NoError(t, err)
		return s
	}
	within := patience + time.Duration(*chunks)*50*time.Millisecond

	first := start()
	require.Eventually(t, func() bool {
		depths, err := client.Depths(t.Context(), "import")
		require.NoError(t, err)
		return depths["import"].Consumers > 0
	}, patience, 20*time.Millisecond)
	killed, exited := process(nil, asEnqueuer+"="+fmt.Sprint(*chunks), enqueuerDies+"=1")
	<-exited
	assert.Equal(t, -1, killed.ProcessState.ExitCode(), "killed")
	require.Eventually(t, func() bool { return status().Done > *chunks/5 }, within, 20*time.Millisecond)
	require.NoError(t, first.Process.Kill())
	half := status()
	assert.Equal(t, *chunks, half.Total)
	assert.GreaterOrEqual(t, half.Missing, *chunks-*chunks/2, "those that were not enqueued")

	start()
	again, exited := process(nil, asEnqueuer+"="+fmt.Sprint(*chunks))
	<-exited
	require.Zero(t, again.ProcessState.ExitCode())
	var last history.BatchStatus
	require.Eventually(t, func() bool { last = status(); return last.Complete() }, within, 50*time.Millisecond, "%+v", &last)
	assert.Equal(t, *chunks, last.Done)

	ids, runs := map[string]bool{}, 0
	require.NoError(t, history.Read(t.Context(), client, client.Names().History(), history.Filter{Batch: batchID}, func(e history.Event) error {
		switch e.Event {
		case history.Started:
			runs++
		case history.Succeeded:
			ids[e.ID] = true
		}
		return nil
	}))
	assert.Len(t, ids, *chunks, "distinct IDs that are done")
	t.Logf("%d chunks, %d done when the worker was killed, %d runs, %d IDs done", *chunks, half.Done, runs, len(ids))
}
