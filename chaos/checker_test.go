package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// The times of these tests are seconds after this one.
var dawn = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return dawn.Add(time.Duration(seconds * float64(time.Second)))
}

// ran is a run of the task "a".
func ran(process string, attempt, settlement int, from, to float64, o outcome) *run {
	r := &run{process: process, id: "a", attempt: attempt, settlement: settlement, started: at(from), outcome: o}
	if o != "" {
		r.finished = at(to)
	}
	return r
}

func once(from, to float64) *run { return ran("w1", 1, 0, from, to, succeeded) }

func kindNamed(t *testing.T, name string) *kind {
	t.Helper()
	for i := range kinds {
		if kinds[i].name == name {
			return &kinds[i]
		}
	}
	require.FailNow(t, "no such kind", name)
	return nil
}

// judged is the verdict about one task "a" that was published at 0 s.
func judged(t *testing.T, kindName string, s script, e evidence) *verdict {
	t.Helper()
	if e.published == nil {
		e.published = map[string]*publication{"a": {first: at(0), confirmed: at(0)}}
	}
	return check(&plan{tasks: []*item{{id: "a", kind: kindNamed(t, kindName), script: s}}}, &e)
}

func TestCheckerFinds(t *testing.T) {
	gone := letter{id: "a", reason: tasks.ReasonPermanent, attempt: 1, process: "w1", failedAt: at(1)}
	for name, one := range map[string]struct {
		kind     string
		script   script
		evidence evidence
		says     string
	}{
		"lost":              {"succeeds", script{}, evidence{}, "LOST"},
		"begun only":        {"succeeds", script{}, evidence{runs: []*run{ran("w1", 1, 0, 1, 0, "")}, deaths: []death{{process: "w1", at: at(2)}}}, "LOST"},
		"hung":              {"succeeds", script{}, evidence{runs: []*run{once(1, 2), ran("w2", 1, 0, 1, 0, "")}}, "never came to an end"},
		"dead":              {"succeeds", script{}, evidence{letters: []letter{gone}}, "ended [dead], and should have ended done"},
		"in two places":     {"succeeds", script{}, evidence{runs: []*run{once(1, 2)}, letters: []letter{gone}}, "ended [done dead]"},
		"another reason":    {"fails always", script{Fails: failsAlways}, evidence{letters: []letter{gone}}, `dead by "permanent"`},
		"one too many":      {"succeeds", script{}, evidence{runs: []*run{once(1, 2), ran("w1", 2, 1, 3, 4, succeeded)}}, "attempt 2 was started, and 1 should"},
		"too soon done":     {"fails once", script{Fails: 1}, evidence{runs: []*run{once(1, 2)}}, "succeeded as attempt 1"},
		"twice":             {"succeeds", script{}, evidence{runs: []*run{once(1, 2), once(5, 6)}}, "for no reason"},
		"parked twice":      {"has no queue", script{}, evidence{parked: map[string]int{"a": 2}}, "for no reason"},
		"buried twice":      {"fails for good", script{Permanent: true}, evidence{letters: []letter{gone, gone}}, "for no reason"},
		"left":              {"succeeds", script{}, evidence{runs: []*run{once(1, 2)}, depths: map[string]int{"chaos": 3}}, "3 messages are left in chaos"},
		"a bad end":         {"succeeds", script{}, evidence{runs: []*run{once(1, 2)}, badEnds: []string{"w1 did not end"}}, "w1 did not end"},
		"never published":   {"succeeds", script{}, evidence{published: map[string]*publication{}}, "never published"},
		"nobody's":          {"succeeds", script{}, evidence{runs: []*run{once(1, 2), {id: "x", process: "w1", started: at(1), finished: at(2)}}}, "x was run and never published"},
		"before its time":   {"succeeds", script{}, evidence{runs: []*run{{id: "a", attempt: 1, started: at(1), notBefore: at(1.5), finished: at(2), outcome: succeeded}}}, "500ms too early"},
		"before it was due": {"delayed", script{}, evidence{runs: []*run{once(1, 2)}, published: map[string]*publication{"a": {first: at(0), confirmed: at(0), notBefore: at(3)}}}, "2s too early"},
	} {
		t.Run(name, func(t *testing.T) {
			v := judged(t, one.kind, one.script, one.evidence)
			assert.False(t, v.holds())
			assert.Contains(t, fmt.Sprint(v.findings), one.says)
		})
	}
}

func TestCheckerIsContent(t *testing.T) {
	v := judged(t, "succeeds", script{}, evidence{runs: []*run{once(1, 2)}})
	assert.Empty(t, v.findings)
	assert.Equal(t, line{published: 1, done: 1, starts: 1}, v.total)

	v = judged(t, "fails once", script{Fails: 1}, evidence{runs: []*run{ran("w1", 1, 0, 1, 2, failed), ran("w2", 2, 1, 3, 4, succeeded)}})
	assert.Empty(t, v.findings)
	assert.Equal(t, line{published: 1, done: 1, starts: 2}, v.total)

	v = judged(t, "fails for good", script{Permanent: true}, evidence{
		runs: []*run{ran("w1", 1, 0, 1, 2, ended)}, letters: []letter{{id: "a", reason: tasks.ReasonPermanent, attempt: 1}},
	})
	assert.Empty(t, v.findings)
	assert.Equal(t, line{published: 1, dead: 1, starts: 1}, v.total)

	v = judged(t, "has no queue", script{}, evidence{parked: map[string]int{"a": 1}})
	assert.Empty(t, v.findings)
	assert.Equal(t, line{published: 1, parked: 1}, v.total)
}

func TestDuplicatesByCause(t *testing.T) {
	resent := map[string]*publication{"a": {first: at(0), confirmed: at(1), unconfirmed: 1}}
	for name, one := range map[string]struct {
		kind     string
		script   script
		evidence evidence
		want     map[cause]int
	}{
		"killed in mid-task": {"succeeds", script{}, evidence{
			runs: []*run{ran("w1", 1, 0, 1, 0, ""), ran("w2", 1, 0, 3, 4, succeeded)}, deaths: []death{{process: "w1", at: at(2)}},
		}, map[cause]int{byKill: 1}},
		"killed before its ack": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 2), ran("w2", 1, 0, 3, 4, succeeded)}, deaths: []death{{process: "w1", at: at(2.1)}},
		}, map[cause]int{byKill: 1}},
		"killed long after": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 2), ran("w2", 1, 0, 30, 31, succeeded)}, deaths: []death{{process: "w1", at: at(20)}},
		}, map[cause]int{unexplained: 1}},
		"another was killed": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 2), ran("w2", 1, 0, 3, 4, succeeded)}, deaths: []death{{process: "w3", at: at(2.1)}},
		}, map[cause]int{unexplained: 1}},
		"killed twice": {"succeeds", script{}, evidence{
			runs:   []*run{ran("w1", 1, 0, 1, 0, ""), ran("w2", 1, 0, 3, 0, ""), ran("w3", 1, 0, 5, 6, succeeded)},
			deaths: []death{{process: "w1", at: at(2)}, {process: "w2", at: at(4)}},
		}, map[cause]int{byKill: 2}},
		"one kill explains one": {"succeeds", script{}, evidence{
			runs:   []*run{ran("w1", 1, 0, 1, 0, ""), ran("w2", 1, 0, 3, 4, succeeded), ran("w3", 1, 0, 13, 14, succeeded)},
			deaths: []death{{process: "w1", at: at(2)}},
		}, map[cause]int{byKill: 1, unexplained: 1}},
		"restart, same process": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 3), once(8, 9)}, outages: []span{{at(2), at(7)}},
		}, map[cause]int{byRestartHere: 1}},
		"restart, another process": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 3), ran("w2", 1, 0, 8, 9, succeeded)}, outages: []span{{at(2), at(7)}},
		}, map[cause]int{byRestartElsewhere: 1}},
		"killed before the restart": {"succeeds", script{}, evidence{
			runs:   []*run{ran("w1", 1, 0, 1, 0, ""), ran("w2", 1, 0, 8, 9, succeeded)},
			deaths: []death{{process: "w1", at: at(2)}}, outages: []span{{at(3), at(7)}},
		}, map[cause]int{byKill: 1}},
		"killed in the restart": {"succeeds", script{}, evidence{
			runs:   []*run{ran("w1", 1, 0, 1, 0, ""), ran("w2", 1, 0, 8, 9, succeeded)},
			deaths: []death{{process: "w1", at: at(4)}}, outages: []span{{at(3), at(7)}},
		}, map[cause]int{byRestartElsewhere: 1}},
		"sent again": {"succeeds", script{}, evidence{
			published: resent, runs: []*run{once(11, 12), once(15, 16)},
		}, map[cause]int{byUnconfirmed: 1}},
		"sent again once": {"succeeds", script{}, evidence{
			published: resent, runs: []*run{once(11, 12), once(15, 16), once(19, 20)},
		}, map[cause]int{byUnconfirmed: 1, unexplained: 1}},
		"a retry of each": {"fails once", script{Fails: 1}, evidence{
			runs: []*run{
				ran("w1", 1, 0, 1, 2, failed), ran("w2", 1, 0, 3, 4, failed),
				ran("w2", 2, 1, 5, 6, succeeded), ran("w2", 2, 1, 15, 16, succeeded),
			}, deaths: []death{{process: "w1", at: at(2.1)}},
		}, map[cause]int{byKill: 1, byDuplicate: 1}},
		"a retry on its way": {"fails once", script{Fails: 1}, evidence{
			runs: []*run{
				ran("w1", 1, 0, 1, 2, failed), ran("w1", 2, 1, 9, 10, succeeded), ran("w1", 2, 1, 19, 20, succeeded),
			}, outages: []span{{at(4), at(8)}},
		}, map[cause]int{byRestartOnTheWay: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			v := judged(t, one.kind, one.script, one.evidence)
			got := map[cause]int{}
			total := 0
			for why, count := range v.runs {
				if count > 0 {
					got[cause(why)] = count
				}
				total += count
			}
			assert.Equal(t, one.want, got)
			assert.Equal(t, total, v.total.duplicates)
			assert.Equal(t, one.want[unexplained]+one.want[byRestartHere] == 0, v.holds(), v.findings)
		})
	}
}

func TestLettersByCause(t *testing.T) {
	buried := letter{id: "a", reason: tasks.ReasonPermanent, attempt: 1, process: "w1", failedAt: at(2)}
	twice := []letter{buried, buried}
	runs := []*run{ran("w1", 1, 0, 1, 2, ended)}
	for name, one := range map[string]struct {
		evidence evidence
		want     cause
	}{
		"killed":    {evidence{letters: twice, deaths: []death{{process: "w1", at: at(2.5)}}}, byKill},
		"restarted": {evidence{letters: twice, outages: []span{{at(3), at(9)}}}, byRestartOnTheWay},
		"run twice": {evidence{
			letters: twice, runs: append(runs, ran("w2", 1, 0, 5, 6, ended)), deaths: []death{{process: "w1", at: at(2.5)}},
		}, byDuplicate},
		"sent again": {evidence{
			letters: twice, published: map[string]*publication{"a": {first: at(0), confirmed: at(1), unconfirmed: 1}},
		}, byUnconfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			if one.evidence.runs == nil {
				one.evidence.runs = runs
			}
			v := judged(t, "fails for good", script{Permanent: true}, one.evidence)
			assert.Empty(t, v.findings)
			assert.Equal(t, 1, v.letters[one.want])
		})
	}
}
