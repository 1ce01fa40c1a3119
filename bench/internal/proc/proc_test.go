package proc

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	s, err := parseStat("4711 (a (b) c) S 1 42 42 0 -1 4194560 100 200 0 0 10 20 30 40 20 0 1 0 12345")
	require.NoError(t, err)
	assert.Equal(t, stat{pid: 4711, parent: 1, group: 42, cpu: time.Second}, s)
	for _, line := range []string{"", "12 no name", "12 (sh) S 1", "x (sh) S 1 42 42 0 -1 4194560 100 200 0 0 10 20 30 40 20"} {
		_, err := parseStat(line)
		assert.Error(t, err, line)
	}
}

func TestDescendants(t *testing.T) {
	found := []stat{{pid: 3, parent: 2}, {pid: 1}, {pid: 2, parent: 1}, {pid: 4, parent: 3}, {pid: 9, parent: 1}}
	var pids []int
	for _, s := range descendants(found, 2) {
		pids = append(pids, s.pid)
	}
	assert.Equal(t, []int{2, 3, 4}, pids)
	assert.Empty(t, descendants(found, 77))
}

func TestParsePSS(t *testing.T) {
	bytes, err := parsePSS("55d0 [rollup]\nRss:   90 kB\nPss:                  12 kB\nPss_Dirty: 3 kB\n")
	require.NoError(t, err)
	assert.EqualValues(t, 12<<10, bytes)
	_, err = parsePSS("Pss: many kB\n")
	assert.Error(t, err)
}

func TestParseStatus(t *testing.T) {
	name, pid := parseStatus("Name:\tbeam.smp\nPid:\t900\nNSpid:\t900\t21\n")
	assert.Equal(t, "beam.smp", name)
	assert.Equal(t, 21, pid)
}

// A shell that computes, in a child that has ended and in one that has not.
func TestUsage(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", `busy() { i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; }; (busy); echo; sleep 600 & wait`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err)
	tree, err := Tree(cmd.Process.Pid)
	require.NoError(t, err)
	assert.Positive(t, tree.CPU)
	assert.Positive(t, tree.Bytes)
	group, err := Group(cmd.Process.Pid)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, group.CPU, tree.CPU)
	require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL))
	assert.Error(t, cmd.Wait())
	_, err = Tree(cmd.Process.Pid)
	assert.ErrorIs(t, err, ErrNone)
}

func TestInside(t *testing.T) {
	text, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	name, inner := parseStatus(string(text))
	pid, err := Inside(name, inner)
	require.NoError(t, err)
	assert.Equal(t, os.Getpid(), pid)
	_, err = Inside(name, -1)
	assert.ErrorIs(t, err, ErrNone)
}
