package main

import (
	"fmt"
	"slices"
	"strings"
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

func once(from, to float64) *run { return ran(first, 1, 0, from, to, succeeded) }

// restarted is a restart of the broker.
func restarted(from, to float64) damage {
	return damage{kind: stopBroker, span: span{at(from), at(to)}}
}

// befell is something that befell the first worker.
func befell(kind faultKind, from, to float64) damage {
	d := damage{kind: kind, who: actor{aWorker, 0}, span: span{at(from), at(to)}}
	if kind == freezeWorker || kind == pauseWorker {
		d.process = first
	}
	return d
}

// The processes of the workers.
const (
	first  = "worker-1.1"
	second = "worker-2.1"
	third  = "worker-3.1"
)

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
		e.published = map[string]*publication{"a": {first: at(0), sent: at(0), confirmed: at(0)}}
	}
	return check(&plan{tasks: []*item{{id: "a", kind: kindNamed(t, kindName), script: s}}}, &e)
}

func TestCheckerFinds(t *testing.T) {
	gone := letter{id: "a", reason: tasks.ReasonPermanent, attempt: 1, process: first, failedAt: at(1)}
	for name, one := range map[string]struct {
		kind     string
		script   script
		evidence evidence
		says     string
	}{
		"lost":              {"succeeds", script{}, evidence{}, "LOST"},
		"begun only":        {"succeeds", script{}, evidence{runs: []*run{ran(first, 1, 0, 1, 0, "")}, deaths: []death{{process: first, at: at(2)}}}, "LOST"},
		"hung":              {"succeeds", script{}, evidence{runs: []*run{once(1, 2), ran(second, 1, 0, 1, 0, "")}}, "never came to an end"},
		"dead":              {"succeeds", script{}, evidence{letters: []letter{gone}}, "ended [dead], and should have ended done"},
		"in two places":     {"succeeds", script{}, evidence{runs: []*run{once(1, 2)}, letters: []letter{gone}}, "ended [done dead]"},
		"another reason":    {"fails always", script{Fails: failsAlways}, evidence{letters: []letter{gone}}, `dead by "permanent"`},
		"one too many":      {"succeeds", script{}, evidence{runs: []*run{once(1, 2), ran(first, 2, 1, 3, 4, succeeded)}}, "attempt 2 was started, and 1 should"},
		"too soon done":     {"fails once", script{Fails: 1}, evidence{runs: []*run{once(1, 2)}}, "succeeded as attempt 1"},
		"twice":             {"succeeds", script{}, evidence{runs: []*run{once(1, 2), once(5, 6)}}, "for no reason"},
		"parked twice":      {"has no queue", script{}, evidence{parked: map[string]int{"a": 2}}, "for no reason"},
		"buried twice":      {"fails for good", script{Permanent: true}, evidence{letters: []letter{gone, gone}}, "for no reason"},
		"left":              {"succeeds", script{}, evidence{runs: []*run{once(1, 2)}, depths: map[string]int{"chaos": 3}}, "3 messages are left in chaos"},
		"ended by itself":   {"succeeds", script{}, evidence{runs: []*run{once(1, 2)}, quits: []quit{{first, at(1), "exit status 2"}}}, "worker-1.1 ended by itself"},
		"late":              {"succeeds", script{}, evidence{runs: []*run{once(4, 5)}}, "LATE: attempt 1 was started 4s after it was due, of which nothing explains 4s"},
		"late in part":      {"succeeds", script{}, evidence{runs: []*run{once(14, 15)}, damages: []damage{befell(cutLink, 2, 4)}}, "nothing explains 9s"},
		"a late retry":      {"fails once", script{Fails: 1}, evidence{runs: []*run{ran(first, 1, 0, 1, 2, failed), ran(first, 2, 1, 9, 10, succeeded)}}, "LATE: attempt 2 was started 7s"},
		"late from a rung":  {"delayed", script{}, evidence{runs: []*run{once(45, 46)}, damages: []damage{restarted(1, 2)}, published: map[string]*publication{"a": {first: at(0), sent: at(0), confirmed: at(0), notBefore: at(3)}}}, "LATE: attempt 1 was started 42s"},
		"late after time":   {"delayed", script{}, evidence{runs: []*run{once(9, 10)}, published: map[string]*publication{"a": {first: at(0), sent: at(0), confirmed: at(0), notBefore: at(3)}}}, "LATE: attempt 1 was started 6s"},
		"a bad end":         {"succeeds", script{}, evidence{runs: []*run{once(1, 2)}, badEnds: []string{"w1 did not end"}}, "w1 did not end"},
		"never published":   {"succeeds", script{}, evidence{published: map[string]*publication{}}, "never published"},
		"nobody's":          {"succeeds", script{}, evidence{runs: []*run{once(1, 2), {id: "x", process: first, started: at(1), finished: at(2)}}}, "x was run and never published"},
		"before its time":   {"succeeds", script{}, evidence{runs: []*run{{id: "a", attempt: 1, started: at(1), notBefore: at(1.5), finished: at(2), outcome: succeeded}}}, "500ms too early"},
		"before it was due": {"delayed", script{}, evidence{runs: []*run{once(1, 2)}, published: map[string]*publication{"a": {first: at(0), sent: at(0), confirmed: at(0), notBefore: at(3)}}}, "2s too early"},
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

	v = judged(t, "fails once", script{Fails: 1}, evidence{runs: []*run{ran(first, 1, 0, 1, 2, failed), ran(second, 2, 1, 3, 4, succeeded)}})
	assert.Empty(t, v.findings)
	assert.Equal(t, line{published: 1, done: 1, starts: 2}, v.total)

	v = judged(t, "fails for good", script{Permanent: true}, evidence{
		runs: []*run{ran(first, 1, 0, 1, 2, ended)}, letters: []letter{{id: "a", reason: tasks.ReasonPermanent, attempt: 1}},
	})
	assert.Empty(t, v.findings)
	assert.Equal(t, line{published: 1, dead: 1, starts: 1}, v.total)

	v = judged(t, "has no queue", script{}, evidence{parked: map[string]int{"a": 1}})
	assert.Empty(t, v.findings)
	assert.Equal(t, line{published: 1, parked: 1}, v.total)
}

// RabbitMQ hands over again, after a time, what was between two rungs of the ladder when it was stopped.
func TestLateFromARung(t *testing.T) {
	published := map[string]*publication{"a": {first: at(0), sent: at(0), confirmed: at(0), notBefore: at(3)}}
	v := judged(t, "delayed", script{}, evidence{runs: []*run{once(28, 29)}, damages: []damage{restarted(1, 2)}, published: published})
	assert.Empty(t, v.findings)
	assert.Equal(t, 1, v.lateness.handedOver)
	v = judged(t, "delayed", script{}, evidence{runs: []*run{once(28, 29)}, published: published})
	assert.NotEmpty(t, v.findings, "nothing was stopped")
	v = judged(t, "succeeds", script{}, evidence{runs: []*run{once(28, 29)}, damages: []damage{restarted(1, 2)}})
	assert.NotEmpty(t, v.findings, "it was on no ladder")
}

func TestDuplicatesByCause(t *testing.T) {
	resent := map[string]*publication{"a": {first: at(0), sent: at(1), confirmed: at(1), unconfirmed: 1}}
	for name, one := range map[string]struct {
		kind     string
		script   script
		evidence evidence
		want     map[cause]int
	}{
		"killed in mid-task": {"succeeds", script{}, evidence{
			runs: []*run{ran(first, 1, 0, 1, 0, ""), ran(second, 1, 0, 3, 4, succeeded)}, deaths: []death{{process: first, at: at(2)}},
		}, map[cause]int{byKill: 1}},
		"killed before its ack": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 2), ran(second, 1, 0, 3, 4, succeeded)}, deaths: []death{{process: first, at: at(2.1)}},
		}, map[cause]int{byKill: 1}},
		"killed long after": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 2), ran(second, 1, 0, 30, 31, succeeded)}, deaths: []death{{process: first, at: at(20)}},
		}, map[cause]int{unexplained: 1}},
		"another was killed": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 2), ran(second, 1, 0, 3, 4, succeeded)}, deaths: []death{{process: third, at: at(2.1)}},
		}, map[cause]int{unexplained: 1}},
		"killed twice": {"succeeds", script{}, evidence{
			runs:   []*run{ran(first, 1, 0, 1, 0, ""), ran(second, 1, 0, 3, 0, ""), ran(third, 1, 0, 5, 6, succeeded)},
			deaths: []death{{process: first, at: at(2)}, {process: second, at: at(4)}},
		}, map[cause]int{byKill: 2}},
		"one kill explains one": {"succeeds", script{}, evidence{
			runs:   []*run{ran(first, 1, 0, 1, 0, ""), ran(second, 1, 0, 3, 4, succeeded), ran(third, 1, 0, 13, 14, succeeded)},
			deaths: []death{{process: first, at: at(2)}},
		}, map[cause]int{byKill: 1, unexplained: 1}},
		"restart, same process": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 3), once(8, 9)}, damages: []damage{restarted(2, 7)},
		}, map[cause]int{byReturn: 1}},
		"restart, another process": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 3), ran(second, 1, 0, 8, 9, succeeded)}, damages: []damage{restarted(2, 7)},
		}, map[cause]int{byRestart: 1}},
		"killed before the restart": {"succeeds", script{}, evidence{
			runs:   []*run{ran(first, 1, 0, 1, 0, ""), ran(second, 1, 0, 8, 9, succeeded)},
			deaths: []death{{process: first, at: at(2)}}, damages: []damage{restarted(3, 7)},
		}, map[cause]int{byKill: 1}},
		"killed in the restart": {"succeeds", script{}, evidence{
			runs:   []*run{ran(first, 1, 0, 1, 0, ""), ran(second, 1, 0, 8, 9, succeeded)},
			deaths: []death{{process: first, at: at(4)}}, damages: []damage{restarted(3, 7)},
		}, map[cause]int{byRestart: 1}},
		"frozen in mid-task": {"succeeds", script{}, evidence{
			runs: []*run{ran(first, 1, 0, 1, 9, succeeded), ran(second, 1, 0, 6, 7, succeeded)}, damages: []damage{befell(freezeWorker, 2, 8)},
		}, map[cause]int{byFreeze: 1}},
		"frozen for a moment": {"succeeds", script{}, evidence{
			runs: []*run{ran(first, 1, 0, 1, 4, succeeded), ran(second, 1, 0, 5, 6, succeeded)}, damages: []damage{befell(pauseWorker, 2, 3)},
		}, map[cause]int{unexplained: 1}},
		"another was frozen": {"succeeds", script{}, evidence{
			runs: []*run{ran(third, 1, 0, 1, 9, succeeded), ran(second, 1, 0, 6, 7, succeeded)}, damages: []damage{befell(freezeWorker, 2, 8)},
		}, map[cause]int{unexplained: 1}},
		"begun when it thawed": {"succeeds", script{}, evidence{
			runs: []*run{ran(second, 1, 0, 5, 5.1, succeeded), ran(first, 1, 0, 8.1, 8.2, succeeded)}, damages: []damage{befell(freezeWorker, 2, 8)},
		}, map[cause]int{byStale: 1}},
		"cut": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 2), ran(second, 1, 0, 3, 4, succeeded)}, damages: []damage{befell(cutLink, 2.1, 2.1)},
		}, map[cause]int{byLink: 1}},
		"cut long after": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 2), ran(second, 1, 0, 9, 10, succeeded)}, damages: []damage{befell(cutLink, 8, 8)},
		}, map[cause]int{unexplained: 1}},
		"cut, same process": {"succeeds", script{}, evidence{
			runs: []*run{once(1, 2), once(3, 4)}, damages: []damage{befell(cutLink, 2.1, 2.1)},
		}, map[cause]int{byReturn: 1}},
		"half open": {"succeeds", script{}, evidence{
			runs: []*run{once(3, 3.1), ran(second, 1, 0, 9, 10, succeeded)}, damages: []damage{befell(muteLink, 2, 8)},
		}, map[cause]int{byLink: 1}},
		"only slow": {"succeeds", script{}, evidence{
			runs: []*run{once(3, 3.1), ran(second, 1, 0, 9, 10, succeeded)}, damages: []damage{befell(delayLink, 2, 8)},
		}, map[cause]int{unexplained: 1}},
		"slow, then killed": {"succeeds", script{}, evidence{
			runs: []*run{once(3, 3.1), ran(second, 1, 0, 9, 10, succeeded)}, deaths: []death{{process: first, at: at(8.5)}},
			damages: []damage{befell(delayLink, 2, 8)},
		}, map[cause]int{byKill: 1}},
		"blocked, then killed": {"succeeds", script{}, evidence{
			runs: []*run{once(3, 3.1), ran(second, 1, 0, 9, 10, succeeded)}, deaths: []death{{process: first, at: at(8.5)}},
			damages: []damage{{kind: memoryAlarm, span: span{at(2), at(8)}}},
		}, map[cause]int{byKill: 1}},
		"published anew": {"succeeds", script{}, evidence{
			runs:    []*run{ran(second, 1, 1, 4, 5, succeeded), ran(third, 1, 2, 6, 7, succeeded)},
			damages: []damage{befell(cutLink, 3, 3)},
		}, map[cause]int{byRecount: 1}},
		"published anew for nothing": {"succeeds", script{}, evidence{
			runs: []*run{ran(second, 1, 1, 1, 2, succeeded), ran(third, 1, 2, 4, 5, succeeded)},
		}, map[cause]int{unexplained: 1}},
		"a retry unconfirmed": {"fails once", script{Fails: 1}, evidence{
			runs:    []*run{ran(first, 1, 0, 1, 2, failed), ran(second, 2, 1, 4, 5, succeeded), ran(third, 2, 1, 6, 7, succeeded)},
			damages: []damage{befell(cutLink, 2.1, 2.1)},
		}, map[cause]int{byRetry: 1}},
		"sent again": {"succeeds", script{}, evidence{
			published: resent, runs: []*run{once(11, 12), once(15, 16)},
		}, map[cause]int{byUnconfirmed: 1}},
		"sent again once": {"succeeds", script{}, evidence{
			published: resent, runs: []*run{once(11, 12), once(15, 16), once(19, 20)},
		}, map[cause]int{byUnconfirmed: 1, unexplained: 1}},
		"a retry of each": {"fails once", script{Fails: 1}, evidence{
			runs: []*run{
				ran(first, 1, 0, 1, 2, failed), ran(second, 1, 0, 3, 4, failed),
				ran(second, 2, 1, 5, 6, succeeded), ran(second, 2, 1, 15, 16, succeeded),
			}, deaths: []death{{process: first, at: at(2.1)}},
		}, map[cause]int{byKill: 1, byDuplicate: 1}},
		"a retry on its way": {"fails once", script{Fails: 1}, evidence{
			runs: []*run{
				ran(first, 1, 0, 1, 2, failed), ran(first, 2, 1, 9, 10, succeeded), ran(first, 2, 1, 19, 20, succeeded),
			}, damages: []damage{restarted(4, 8)},
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
			v.findings = slices.DeleteFunc(v.findings, func(text string) bool { return strings.Contains(text, "LATE") })
			assert.Equal(t, one.want[unexplained]+one.want[byReturn] == 0, v.holds(), v.findings)
		})
	}
}

func TestLettersByCause(t *testing.T) {
	buried := letter{id: "a", reason: tasks.ReasonPermanent, attempt: 1, process: first, failedAt: at(2)}
	twice := []letter{buried, buried}
	runs := []*run{ran(first, 1, 0, 1, 2, ended)}
	for name, one := range map[string]struct {
		evidence evidence
		want     cause
	}{
		"killed":    {evidence{letters: twice, deaths: []death{{process: first, at: at(2.5)}}}, byKill},
		"restarted": {evidence{letters: twice, damages: []damage{restarted(3, 9)}}, byRestartOnTheWay},
		"run twice": {evidence{
			letters: twice, runs: append(runs, ran(second, 1, 0, 5, 6, ended)), deaths: []death{{process: first, at: at(2.5)}},
		}, byDuplicate},
		"sent again": {evidence{
			letters: twice, published: map[string]*publication{"a": {first: at(0), sent: at(1), confirmed: at(1), unconfirmed: 1}},
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
