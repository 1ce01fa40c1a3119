package main

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each fault that has struck somebody is noted, with whom and when; one that finds nobody is none.
func TestStriker(t *testing.T) {
	t.Setenv(envExit, "0")
	folder := t.TempDir()
	l, err := openLedger(filepath.Join(folder, "ledger"))
	require.NoError(t, err)
	defer l.close()
	workers, err := startCrew(roleWorker, []station{{ledger: filepath.Join(folder, "ledger")}}, folder)
	require.NoError(t, err)
	defer func() { require.NoError(t, workers.stop(context.Background())) }()
	awaitProcess(t, l, first)
	who := actor{role: aWorker}
	s := &striker{
		workers: workers, gates: map[actor]*gate{who: echo(t)},
		leader: func(context.Context) (int, bool) { return 0, false },
	}
	now := time.Now()
	require.NoError(t, s.run(t.Context(), now, []strike{
		{kind: pauseWorker, who: who, lasts: 20 * time.Millisecond},
		{kind: slayLeader, who: actor{role: aScheduler}},
	}))
	require.NoError(t, s.run(t.Context(), now, []strike{{kind: cutLink, who: who}}))
	require.NoError(t, s.run(t.Context(), now, []strike{{kind: delayLink, who: who, lasts: time.Millisecond, delay: time.Millisecond}}))
	require.NoError(t, s.run(t.Context(), now, []strike{{kind: killSlowly, who: who, lasts: time.Millisecond, delay: time.Millisecond}}))
	awaitProcess(t, l, "worker-1.2")
	require.NoError(t, s.run(t.Context(), now, []strike{{kind: killWorker, who: who}}))
	awaitProcess(t, l, "worker-1.3")

	var kinds []faultKind
	var processes []string
	for _, d := range s.told() {
		assert.Equal(t, who, d.who)
		assert.False(t, d.from.Before(now) || d.to.Before(d.from))
		kinds, processes = append(kinds, d.kind), append(processes, d.process)
	}
	assert.Equal(t, []faultKind{pauseWorker, cutLink, delayLink, killSlowly, killWorker}, kinds)
	assert.Equal(t, []string{first, "", "", first, "worker-1.2"}, processes)
	assert.GreaterOrEqual(t, s.told()[0].to.Sub(s.told()[0].from), 20*time.Millisecond)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, s.run(ended, now, []strike{{at: time.Hour, kind: cutLink, who: who}}), context.Canceled)
}

// A process that was stopped goes on where it was.
func TestCrewThaws(t *testing.T) {
	t.Setenv(envExit, "0")
	folder := t.TempDir()
	l, err := openLedger(filepath.Join(folder, "ledger"))
	require.NoError(t, err)
	defer l.close()
	c, err := startCrew(roleWorker, []station{{ledger: filepath.Join(folder, "ledger")}}, folder)
	require.NoError(t, err)
	awaitProcess(t, l, first)
	process, struck := c.signal(0, syscall.SIGSTOP)
	assert.Equal(t, first, process)
	assert.True(t, struck)
	c.thaw(process)
	require.NoError(t, c.stop(t.Context()))
	deaths, byself, badEnds := c.told()
	assert.Empty(t, deaths, "it was not ended")
	assert.Empty(t, byself)
	assert.Empty(t, badEnds)
	_, struck = c.signal(0, syscall.SIGSTOP)
	assert.False(t, struck, "there is none any more")
}
