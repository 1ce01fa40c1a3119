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
	p := newPlan(s)
	f := &field{
		broker: &brokertest.Broker{Source: "private node (3.10.8)"}, publisher: &publisher{}, took: 21 * time.Second,
		evidence: evidence{deaths: []death{{process: "w1", at: at(1)}}, outages: []span{{at(1), at(5.25)}}},
		byself:   []string{"worker-1.3: exit status 1: refused"},
	}
	v := &verdict{lines: map[*kind]*line{&kinds[0]: {published: 3, done: 2, lost: 1}}, total: line{published: 3, done: 2, lost: 1}}
	v.runs[byKill], v.letters[byDuplicate] = 12, 3
	v.find("a (succeeds): LOST")
	var out strings.Builder
	require.NoError(t, v.write(&out, p, f))
	for _, says := range []string{
		"private node (3.10.8); 2000 tasks, 150/s, by 2 workers that are killed in turn and 1 that is spared; over after 21s",
		"a worker killed 1 times, each 2s; the broker stopped and started again 1 times, away for 4.3s",
		"worker-1.3: exit status 1: refused",
		"succeeds                3     2     0       0     1      0       0           0",
		"worker killed while it held the task              12        0",
		"follows from a duplicate before it                 0        3",
		"verdict: DOES NOT HOLD: lost 1, early 0, unexplained 0, 1 findings\n  a (succeeds): LOST\n",
		"cd chaos && go run . fault -short -seed 7 -tasks 2000 -rate 150",
	} {
		assert.Contains(t, out.String(), says)
	}
	v.findings = nil
	out.Reset()
	require.NoError(t, v.write(&out, p, f))
	assert.Contains(t, out.String(), "verdict: holds: ")
}
