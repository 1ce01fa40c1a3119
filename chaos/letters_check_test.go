package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/deadletter"
)

// exemplary returns a plan, and the evidence of a run in which the replay was killed with one letter
// published and not removed, and in which nothing is wrong.
func exemplary(t *testing.T) (*letterPlan, *letterEvidence) {
	t.Helper()
	p := newLetterPlan(letterSettings{seed: 1, tasks: 100})
	e := &letterEvidence{
		killed: true, atKill: whereabouts{done: 30, dead: 71},
		again:   []deadletter.Counts{{Seen: 71, Unchosen: 40, Replayed: 31}, {Seen: 40, Unchosen: 40}},
		mended:  deadletter.Counts{Seen: 40, Replayed: 1},
		dropped: deadletter.Counts{Seen: 39, Dropped: 30},
		depths:  map[string]int{lettersQueue: 0},
	}
	ran := func(id string, attempt int, o outcome) {
		e.runs = append(e.runs, &run{id: id, attempt: attempt, outcome: o})
	}
	again := ""
	for n, one := range p.tasks {
		e.dead = append(e.dead, kept{one.id, uint64(n)})
		for attempt := range one.attempts {
			ran(one.id, attempt+1, map[bool]outcome{true: failed, false: ended}[one.failure == &refused])
		}
		if one.failure == &refused {
			ran(one.id, 1, succeeded)
			again = one.id
		}
	}
	ran(again, 1, succeeded)
	ran(p.mended.id, 1, succeeded)
	for _, f := range failures {
		e.groups = append(e.groups, groupRow{p.count(f), string(f.reason), "#", f.text})
	}
	e.grouped = slices.Clone(e.dead)
	for n, one := range p.tasks {
		switch {
		case one.failure == &refused:
			continue
		case one.failure == &noField && one != p.mended:
			e.left = append(e.left, e.dead[n])
		}
		e.replayed = append(e.replayed, e.dead[n])
	}
	return p, e
}

func TestCheckLetters(t *testing.T) {
	p, e := exemplary(t)
	v := checkLetters(p, e)
	require.Empty(t, v.findings)
	assert.Equal(t, &letterVerdict{succeeded: 60, duplicates: 1, both: 1}, v)
	var out bytes.Buffer
	v.write(&out)
	assert.Equal(t, "verdict: holds: lost 0, doubled 1\n", out.String())
}

// The IDs of tasks of the plan, by what they fail of.
const (
	refusedID   = "1-000000"
	noAddressID = "1-000002"
)

// withoutRun returns runs without the last of a task.
func withoutRun(all []*run, id string) []*run {
	for i, r := range slices.Backward(all) {
		if r.id == id {
			return slices.Delete(all, i, i+1)
		}
	}
	return all
}

func TestCheckLettersFinds(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil   func(p *letterPlan, e *letterEvidence)
		finding string
		lost    int
	}{
		"a task that was lost": {
			func(_ *letterPlan, e *letterEvidence) { e.runs = withoutRun(e.runs, refusedID) },
			"LOST: 1-000000 was replayed and has never succeeded", 1,
		},
		"one that was lost before the replay": {
			func(_ *letterPlan, e *letterEvidence) { e.dead = e.dead[1:] },
			"LOST: when all had failed: the letter of 1-000000 is not there as it was", 1,
		},
		"a letter that was lost by the kill": {
			func(_ *letterPlan, e *letterEvidence) { e.atKill.dead = 69 },
			"LOST: after the kill 1 tasks have neither succeeded nor are letters", 1,
		},
		"a letter that was to stay and has not": {
			func(_ *letterPlan, e *letterEvidence) { e.replayed = e.replayed[1:] },
			"LOST: after the replay: the letter of 1-000002 is not there as it was", 1,
		},
		"a letter that is another than it was": {
			func(_ *letterPlan, e *letterEvidence) { e.replayed[0].sum++ },
			"after the replay: the letter of 1-000002 is there again, or another than it was", 1,
		},
		"a letter that is there twice": {
			func(_ *letterPlan, e *letterEvidence) { e.left = append(e.left, e.left[0]) },
			"at the end: the letter of 1-000004 is there again, or another than it was", 0,
		},
		"an order that grouping has changed": {
			func(_ *letterPlan, e *letterEvidence) { slices.Reverse(e.grouped) },
			"99 letters are out of order after they were grouped", 0,
		},
		"an order that dropping has changed": {
			func(_ *letterPlan, e *letterEvidence) { slices.Reverse(e.left) },
			"letters are out of order after one was mended and others were dropped", 0,
		},
		"a wrong count": {
			func(_ *letterPlan, e *letterEvidence) { e.groups[0].count-- },
			`group of "connection refused": 59 attempts-exhausted #, and should be 60`, 0,
		},
		"a pattern that misses a key": {
			func(_ *letterPlan, e *letterEvidence) { e.groups[0].keys = "email.welcome" },
			`group of "connection refused": 60 attempts-exhausted email.welcome`, 0,
		},
		"a group too few": {
			func(_ *letterPlan, e *letterEvidence) { e.groups = e.groups[1:] },
			`no group of "connection refused"`, 0,
		},
		"a group too many": {
			func(_ *letterPlan, e *letterEvidence) { e.groups = append(e.groups, groupRow{count: 1}) },
			"4 groups, and should be 3", 0,
		},
		"a task that failed too often": {
			func(_ *letterPlan, e *letterEvidence) { e.runs = append(e.runs, &run{id: noAddressID, outcome: ended}) },
			"1-000002 (user without address) has failed 2 times, and should have 1 times", 0,
		},
		"a run without an end": {
			func(_ *letterPlan, e *letterEvidence) { e.runs = append(e.runs, &run{id: noAddressID}) },
			"1-000002 (user without address) has 1 runs that have no end", 0,
		},
		"a replay that is no first attempt": {
			func(_ *letterPlan, e *letterEvidence) {
				e.runs = append(e.runs, &run{id: refusedID, attempt: 2, outcome: succeeded})
			},
			"1-000000 (server away) has 1 runs that have no end, or have succeeded at a later attempt", 0,
		},
		"a task that was not to be replayed": {
			func(_ *letterPlan, e *letterEvidence) {
				e.runs = append(e.runs, &run{id: noAddressID, attempt: 1, outcome: succeeded})
			},
			"1-000002 (user without address) has succeeded, and was not to be replayed", 0,
		},
		"a task of nobody's": {
			func(_ *letterPlan, e *letterEvidence) { e.runs = append(e.runs, &run{id: "x"}) },
			"x was run and never published", 0,
		},
		"a task that was mended in vain": {
			func(p *letterPlan, e *letterEvidence) { e.runs = withoutRun(e.runs, p.mended.id) },
			", which was mended, has succeeded 0 times", 0,
		},
		"a duplicate for no reason": {
			func(_ *letterPlan, e *letterEvidence) {
				e.runs = append(e.runs, &run{id: refusedID, attempt: 1, outcome: succeeded})
			},
			"2 duplicates, and after the kill 1 tasks had succeeded and were letters", 0,
		},
		"more pending than may be": {
			func(_ *letterPlan, e *letterEvidence) { e.atKill.dead += pendingAtMost },
			"after the kill 1537 tasks have succeeded and are letters, at most 1536 were pending", 0,
		},
		"a count that is not true": {
			func(_ *letterPlan, e *letterEvidence) { e.again[0].Replayed++ },
			"the replays after the kill tell of 32 letters, and should of 31", 0,
		},
		"a letter that failed": {
			func(_ *letterPlan, e *letterEvidence) { e.again[1].Failed++ },
			"a replay tells of 1 letters that it did not replay", 0,
		},
		"no kill": {
			func(_ *letterPlan, e *letterEvidence) { e.killed = false },
			"the replay was over before it was killed", 0,
		},
		"none mended":     {func(_ *letterPlan, e *letterEvidence) { e.mended.Replayed = 0 }, "0 letters were replayed with another payload", 0},
		"one not dropped": {func(_ *letterPlan, e *letterEvidence) { e.dropped.Dropped = 29 }, "29 letters were dropped, and should be 30", 0},
		"a queue that is not empty": {
			func(_ *letterPlan, e *letterEvidence) { e.depths[lettersQueue] = 3 },
			"3 messages are left in letters", 0,
		},
		"a worker's end": {func(_ *letterPlan, e *letterEvidence) { e.byself = []string{"w: exit"} }, "a worker ended by itself: w: exit", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, e := exemplary(t)
			tt.spoil(p, e)
			v := checkLetters(p, e)
			assert.False(t, v.holds())
			assert.Equal(t, tt.lost, v.lost)
			var out bytes.Buffer
			v.write(&out)
			assert.Contains(t, out.String(), "verdict: DOES NOT HOLD")
			assert.Contains(t, out.String(), tt.finding)
		})
	}
}
