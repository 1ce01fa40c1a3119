package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
)

func TestReport(t *testing.T) {
	s := short
	s.seed = 7
	f := &field{
		plan: newPlan(s), broker: &brokertest.Broker{Source: "private node (3.10.8)"}, publisher: &publisher{}, took: 91 * time.Second,
		evidence: evidence{
			damages: []damage{befell(killWorker, 1, 1), befell(blockLink, 2, 4), befell(blockLink, 8, 9)},
			quits:   []quit{{"worker-1.3", at(1), "exit status 1: refused"}},
		},
	}
	v := &verdict{lines: map[*kind]*line{&kinds[0]: {published: 3, done: 2, lost: 1, late: 1}}, total: line{published: 3, done: 2, lost: 1, late: 1}}
	v.runs[byKill], v.letters[byDuplicate] = 12, 3
	v.lateness.calm = []time.Duration{time.Millisecond, 3 * time.Millisecond}
	v.order = order{compared: 40, inverted: 2}
	v.find("a (succeeds): LOST")
	ticks := &tickVerdict{counts: map[string]*tickCount{"secondly": {ticks: 80, missing: 1}, "second": {}, "minutely": {}}}
	ticks.find("secondly: 1 ticks are MISSING")
	var out strings.Builder
	require.NoError(t, report{f, v, ticks}.write(&out))
	for _, says := range []string{
		"chaos: private node (3.10.8); 8000 tasks, 100/s, 3 workers, 2 schedulers; over after 1m31s",
		"succeeds                3     2     0       0     1      0     1       0           0",
		"worker killed while it held the task                12        0",
		"follows from a duplicate before it                   0        3",
		"worker killed (-9)                              1          0s       0s",
		"half open, both ways                            2          3s       2s",
		"ended by itself, and was started again: worker-1.3: exit status 1: refused",
		"lateness of the 2 starts that no fault touched: p50 3ms, p99 3ms, max 3ms",
		"priorities: 40 times two that waited in line could be compared, 2 times inverted",
		"verdict: DOES NOT HOLD: lost 1, early 0, late 1, unexplained 0, inverted 2, ticks missing 1, twice for no reason 0; 2 findings\n  a (succeeds): LOST\n",
		"cd chaos && go run . fault -short -seed 7 -tasks 8000 -rate 100 -late 3s",
	} {
		assert.Contains(t, out.String(), says)
	}
	v.findings, ticks.findings = nil, nil
	out.Reset()
	require.NoError(t, report{f, v, ticks}.write(&out))
	assert.Contains(t, out.String(), "verdict: holds: ")
}
