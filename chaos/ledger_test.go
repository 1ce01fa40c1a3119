package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestLedgerBothWays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := openLedger(path)
	require.NoError(t, err)
	defer l.close()
	require.NoError(t, l.read(), "nothing yet")
	one, err := openPen(path, "worker-1.1")
	require.NoError(t, err)
	defer one.close()
	two, err := openPen(path, "worker-2.1")
	require.NoError(t, err)
	defer two.close()

	at := time.UnixMicro(1_795_338_829_074_123)
	first, err := one.start(&tasks.Task{ID: "a", Attempt: 1}, at)
	require.NoError(t, err)
	other, err := two.start(&tasks.Task{ID: "a", Attempt: 2, Settlement: 3, NotBefore: at.Add(-time.Second)}, at)
	require.NoError(t, err)
	assert.Equal(t, first, other, "runs are counted by process")
	require.NoError(t, l.read())
	require.NoError(t, two.finish(other, failed, at.Add(time.Millisecond)))
	require.NoError(t, l.read())

	assert.Equal(t, []*run{
		{process: "worker-1.1", id: "a", attempt: 1, started: at},
		{process: "worker-2.1", id: "a", attempt: 2, settlement: 3, notBefore: at.Add(-time.Second), started: at,
			finished: at.Add(time.Millisecond), outcome: failed},
	}, l.runs)
}

func TestLedgerReadsWholeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := openLedger(path)
	require.NoError(t, err)
	defer l.close()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	for _, part := range []string{"start w 1 a 1 ", "0 0 12", "34\nfinish w 1 succ"} {
		_, err := file.WriteString(part)
		require.NoError(t, err)
		require.NoError(t, l.read())
	}
	require.Len(t, l.runs, 1)
	assert.Equal(t, time.UnixMicro(1234), l.runs[0].started)
	assert.Zero(t, l.runs[0].finished)
}

func TestLedgerRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, line := range []string{"", "begin w 1 a 1 0 0 1", "start w 1 a 1 0 0", "start w 1 a x 0 0 1", "finish w 9 failed 1"} {
		assert.Error(t, newLedger().enter(line), line)
	}
}
