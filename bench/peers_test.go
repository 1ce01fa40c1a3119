package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPeersOptions(t *testing.T) {
	o, err := parsePeers([]string{"-short", "-rounds", "3", "-most", "100", "-only", "drain,backlog", "-entrants", "celery", "-broker", "node"}, t.Output())
	require.NoError(t, err)
	want := peersShort
	want.Rounds, want.Sizes = 3, []int{100}
	assert.Equal(t, peersOptions{settings: want, broker: "node", only: []string{"drain", "backlog"}, entrants: []string{"celery"}}, o)
	assert.True(t, o.wants("backlog"))
	assert.False(t, o.wants("delayed"))
	for name, takesPart := range map[string]bool{peerLoop: true, peerWarren: true, peerCelery: true, peerCeleryThreads: true, peerAsynqDefaults: false} {
		assert.Equal(t, takesPart, o.wantsPeer(name), name)
	}
	for _, args := range [][]string{{"-rounds", "-1"}, {"-most", "5"}, {"-only", "sprint"}, {"-entrants", "kafka"}, {"-broker", "kafka"}, {"now"}, {"-unknown"}} {
		_, err := parsePeers(args, t.Output())
		assert.Error(t, err, args)
	}
	assert.Equal(t, exitUsage, command(context.Background(), []string{peersCommand, "now"}))
}

func TestPeersContests(t *testing.T) {
	assert.Equal(t, []string{"enqueue", "drain", "both", "latency", "delays", "backlog", "delayed"}, peersContestNames())
	for _, c := range peersContests(peersFull, allPeers()) {
		want := peerLoop
		if c.name == "delays" {
			want = peerWarren
		}
		assert.Equal(t, want, c.entrants[0].name, "others are compared with the first")
		assert.False(t, c.entrants[0].optional)
	}
}

func samplePeers() *peersReport {
	return &peersReport{
		About:    peersAbout{At: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC), Warren: "v0", Go: "go1.26", Platform: "linux/amd64", CPUs: 2},
		Settings: peersShort,
		Entrants: []peerAbout{
			{peerLoop, "amqp091-go v1", "RabbitMQ 4.3", "prefetch 200", "fsync"},
			{peerWarren, "Warren v0", "RabbitMQ 4.3", "defaults", "fsync"},
			{peerRiver, "River v0", "PostgreSQL 15", "MaxWorkers 10", "fsync"},
		},
		Absent: []absence{{peerBullMQ, "there is\nno node"}},
		Contests: []*result{{Contest: "drain", What: "tasks are run", Rows: []row{
			{Entrant: peerLoop, Figure: "rate", Unit: "tasks/s", Rounds: []float64{20000}, spread: spread{20000, 20000, 20000}},
			{Entrant: peerWarren, Figure: "rate", Unit: "tasks/s", Rounds: []float64{30000}, spread: spread{30000, 30000, 30000}, Ratio: &spread{1.5, 1.5, 1.5}},
		}, Out: []absence{{peerRiver, "given up"}}}},
		Growth: []*growth{{Name: delayedName, What: "tasks are run", Sizes: []int{0, 1000}, Lines: []growthLine{
			{Entrant: peerWarren, Figure: "both", Points: []spread{{Median: 10000}, {Median: 9500}}},
			{Entrant: peerRiver, Figure: "both", Points: []spread{{Median: 5000}}, GivenUp: "at 1,000: given up"},
		}}},
	}
}

func TestPeersReportAsText(t *testing.T) {
	var out strings.Builder
	require.NoError(t, samplePeers().writeText(&out))
	assert.Equal(t, `Warren v0 beside others, go1.26, linux/amd64, 2 CPUs, 2026-11-23T01:00:00Z
1 rounds in turn; medians, and the least and the greatest in brackets; ratios to the first line, taken round by round

  entrant  versions       server         settings       what is on disk when it is confirmed
  loop     amqp091-go v1  RabbitMQ 4.3   prefetch 200   fsync
  Warren   Warren v0      RabbitMQ 4.3   defaults       fsync
  River    River v0       PostgreSQL 15  MaxWorkers 10  fsync
  BullMQ is absent: there is no node

drain (500 tasks of 256 bytes, or those that were run within 10s): tasks are run
                       median                    ratio                  floor
  loop    rate  20000 tasks/s  (20000 .. 20000)
  Warren  rate  30000 tasks/s  (30000 .. 30000)   1.50  (1.50 .. 1.50)
  River is out: given up

delayed (200 tasks of 256 bytes, 1 times each): tasks are run
          tasks/s      0  1,000  last to first
  Warren  both     10000   9500           0.95
  River   both      5000      -                 at 1,000: given up
  Warren is slowed by 5 %, at most 10: holds
`, out.String())
	assert.ErrorIs(t, samplePeers().writeText(broken{}), errBroken)
}

func TestPeersReportHolds(t *testing.T) {
	r := samplePeers()
	assert.True(t, r.holds())
	r.Growth[0].Lines[0].Points[1].Median = 8900
	assert.False(t, r.holds())
	r.Growth[0].Lines[0].Points = nil
	assert.True(t, r.holds(), "it was not measured")
}

// What was measured can be told and drawn again.
func TestPeersFromFile(t *testing.T) {
	text, err := json.Marshal(samplePeers())
	require.NoError(t, err)
	path, charts := filepath.Join(t.TempDir(), "peers.json"), filepath.Join(t.TempDir(), "charts")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	var out, again strings.Builder
	require.NoError(t, samplePeers().writeText(&out))
	require.NoError(t, peers(t.Context(), &peersOptions{from: path, charts: charts}, &again, t.Output()))
	assert.Equal(t, out.String(), again.String())
	drawn, err := filepath.Glob(filepath.Join(charts, "*.svg"))
	require.NoError(t, err)
	assert.Len(t, drawn, 4)
	svg := samplePeers().charts()["drain"]
	assert.Contains(t, svg, "30,000")
	assert.Contains(t, svg, "given up")

	assert.Error(t, peers(t.Context(), &peersOptions{from: filepath.Join(t.TempDir(), "none")}, &out, t.Output()))
}

// climbing is a process that answers requests by itself, up to one of them.
func TestGrowth(t *testing.T) {
	run, err := startPeer(t.Context(), shell(greets+`while read -r line; do echo '{"count":4,"seconds":2}'; done`), "", 0, 256)
	require.NoError(t, err)
	g := measuredGrowth{name: "g", sizes: []int{10, 20_000}}
	calls := 0
	g.rates = func(context.Context, *peerProcess) ([]float64, error) {
		if calls++; calls > 4 {
			return nil, errGivenUp
		}
		return []float64{float64(calls), 9}, nil
	}
	s := peersSettings{GrowthTimes: 3, FillLimit: time.Minute}
	lines := make([]growthLine, 2)
	err = g.climb(t.Context(), s, run, lines, t.Output())
	assert.ErrorIs(t, err, errGivenUp)
	assert.ErrorContains(t, err, "at 20,000")
	assert.Equal(t, []spread{{2, 1, 3}}, lines[0].Points)
	assert.Equal(t, []spread{{9, 9, 9}}, lines[1].Points)
	assert.ErrorIs(t, fill(t.Context(), run, 10, 0, 0), errGivenUp)
	require.NoError(t, run.close())
}

func TestAbsentPeers(t *testing.T) {
	f := finding{cache: t.TempDir(), scratch: t.TempDir(), log: t.Output()}
	t.Setenv("PATH", "")
	_, err := findBullMQ(t.Context(), f)
	assert.ErrorContains(t, err, "apt-get install nodejs")
	missing := errors.New("it is not here")
	assert.ErrorIs(t, orInstall(t.Context(), f, "celery", func() error { return missing }), missing)
	p := &present{sites: map[string]site{}}
	_, err = p.site(t.Context(), siteRedis, f, &peersOptions{})
	assert.ErrorContains(t, err, "apt-get install redis-server")
	assert.Equal(t, "three", lastLine([]byte("one\ntwo\nthree\n")))
}

func TestPeerWords(t *testing.T) {
	assert.Equal(t, []string{"asynq", "river", "celery", "bullmq"}, peerWords())
	assert.Equal(t, "1,000,000", thousands(1_000_000))
	assert.Equal(t, "999", thousands(999))
}
