package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/warrenmq/warren/deadletter"
)

// pendingAtMost is how many letters a replay that is killed may have published and not removed:
// deadletter.Replay says so.
const pendingAtMost = 512 + 1024

// letterEvidence is all that is known of a run when it is over. The checker needs nothing else.
type letterEvidence struct {
	runs []*run
	// The dead-letter queue: when all had failed, after it was grouped, after the replay, at the end.
	dead, grouped, replayed, left []kept
	groups                        []groupRow
	killed                        bool
	atKill                        whereabouts
	// again is what the replays after the one that was killed have told, the last of which had nothing
	// to replay; mended and dropped is what the others have.
	again           []deadletter.Counts
	mended, dropped deadletter.Counts
	depths          map[string]int // of the queues that are to be empty at the end
	byself, badEnds []string       // of workers
}

// whereabouts is where the tasks are when nothing is under way after the kill.
type whereabouts struct {
	done int // tasks that have succeeded
	dead int // letters
}

// letterVerdict is what the evidence comes to.
type letterVerdict struct {
	lost       int // tasks that have neither succeeded nor lie where they should
	succeeded  int // tasks that were replayed, and have
	duplicates int // times that they have beyond one each
	both       int // tasks that had succeeded after the kill, and whose letter was there still
	shuffled   int // letters that lay out of order after the kill
	findings   []string
}

func (v *letterVerdict) find(format string, args ...any) {
	v.findings = append(v.findings, fmt.Sprintf(format, args...))
}

// holds reports whether nothing is wrong.
func (v *letterVerdict) holds() bool { return len(v.findings) == 0 }

// checkLetters compares what was to happen with what has happened.
func checkLetters(p *letterPlan, e *letterEvidence) *letterVerdict {
	v := &letterVerdict{}
	v.checkGroups(p, e)
	v.checkRuns(p, e)
	v.checkKept(p, e)
	v.checkReplay(p, e)
	for queue, n := range e.depths {
		if n > 0 {
			v.find("%d messages are left in %s", n, queue)
		}
	}
	for _, text := range e.byself {
		v.find("a worker ended by itself: %s", text)
	}
	v.findings = append(v.findings, e.badEnds...)
	return v
}

// checkGroups checks that there is one group for each failure, with its exact number.
func (v *letterVerdict) checkGroups(p *letterPlan, e *letterEvidence) {
	if len(e.groups) != len(failures) {
		v.find("%d groups, and should be %d", len(e.groups), len(failures))
	}
	for _, f := range failures {
		at := slices.IndexFunc(e.groups, func(g groupRow) bool { return strings.Contains(g.error, f.text) })
		if at < 0 {
			v.find("no group of %q", f.text)
			continue
		}
		g, want := e.groups[at], p.count(f)
		if g.count != want || g.reason != string(f.reason) || !f.covers(g.keys) {
			v.find("group of %q: %d %s %s, and should be %d %s %v", f.text, g.count, g.reason, g.keys, want, f.reason, f.keys)
		}
	}
}

// checkRuns checks that each task has failed as often as it was to, and has succeeded if it was to.
func (v *letterVerdict) checkRuns(p *letterPlan, e *letterEvidence) {
	type tally struct{ failures, successes, others int }
	tallies := make(map[string]*tally, len(p.tasks))
	for _, t := range p.tasks {
		tallies[t.id] = &tally{}
	}
	for _, r := range e.runs {
		t := tallies[r.id]
		switch {
		case t == nil:
			v.find("%s was run and never published", r.id)
		case r.outcome == succeeded && r.attempt == 1:
			t.successes++
		case r.outcome == failed || r.outcome == ended:
			t.failures++
		default:
			t.others++
		}
	}
	for _, t := range p.tasks {
		runs := tallies[t.id]
		if runs.failures != t.attempts {
			v.find("%s (%s) has failed %d times, and should have %d times", t.id, t.failure.name, runs.failures, t.attempts)
		}
		if runs.others > 0 {
			v.find("%s (%s) has %d runs that have no end, or have succeeded at a later attempt than the first", t.id, t.failure.name, runs.others)
		}
		switch {
		case t.failure == &refused && runs.successes == 0:
			v.lost++
			v.find("LOST: %s was replayed and has never succeeded", t.id)
		case t.failure == &refused:
			v.succeeded++
			v.duplicates += runs.successes - 1
		case t == p.mended && runs.successes != 1:
			v.find("%s, which was mended, has succeeded %d times", t.id, runs.successes)
		case t != p.mended && runs.successes > 0:
			v.find("%s (%s) has succeeded, and was not to be replayed", t.id, t.failure.name)
		}
	}
}

// checkKept checks that the letters that were not to be moved are as they were.
func (v *letterVerdict) checkKept(p *letterPlan, e *letterEvidence) {
	of := make(map[string]*failure, len(p.tasks))
	for _, t := range p.tasks {
		of[t.id] = t.failure
	}
	var all []kept
	for _, t := range p.tasks {
		all = append(all, kept{id: t.id})
	}
	v.compare("when all had failed", ids(all), ids(e.dead))
	v.compare("after they were grouped", e.dead, e.grouped)
	if n := outOfOrder(e.dead, e.grouped); n > 0 {
		v.find("%d letters are out of order after they were grouped", n)
	}
	rest := without(e.dead, func(id string) bool { return of[id] == &refused })
	v.compare("after the replay", rest, e.replayed)
	v.shuffled = outOfOrder(rest, e.replayed)
	rest = without(e.replayed, func(id string) bool { return of[id] == &noAddress || id == p.mended.id })
	v.compare("at the end", rest, e.left)
	if n := outOfOrder(rest, e.left); n > 0 {
		v.find("%d letters are out of order after one was mended and others were dropped", n)
	}
}

// ids returns letters of which nothing but the ID counts.
func ids(all []kept) []kept {
	bare := make([]kept, 0, len(all))
	for _, k := range all {
		bare = append(bare, kept{id: k.id})
	}
	return bare
}

// compare notes how the letters in the queue differ from those that should be there.
func (v *letterVerdict) compare(when string, should, are []kept) {
	left := make(map[kept]int, len(should))
	for _, k := range should {
		left[k]++
	}
	wrong := 0
	for _, k := range are {
		if left[k]--; left[k] < 0 {
			wrong++
			v.find("%s: the letter of %s is there again, or another than it was", when, k.id)
		}
	}
	for _, k := range should {
		if left[k] > 0 {
			left[k]--
			v.lost++
			v.find("LOST: %s: the letter of %s is not there as it was", when, k.id)
		}
	}
	if wrong > 0 || len(should) != len(are) {
		v.find("%s: %d letters, and should be %d", when, len(are), len(should))
	}
}

// checkReplay checks what the commands have told, and that no more was doubled than was pending.
func (v *letterVerdict) checkReplay(p *letterPlan, e *letterEvidence) {
	if !e.killed {
		v.find("the replay was over before it was killed")
	}
	v.both = e.atKill.done + e.atKill.dead - len(p.tasks)
	switch {
	case v.both < 0:
		v.lost -= v.both
		v.find("LOST: after the kill %d tasks have neither succeeded nor are letters", -v.both)
	case v.both > pendingAtMost:
		v.find("after the kill %d tasks have succeeded and are letters, at most %d were pending", v.both, pendingAtMost)
	}
	if v.duplicates != v.both {
		v.find("%d duplicates, and after the kill %d tasks had succeeded and were letters", v.duplicates, v.both)
	}
	others := len(p.tasks) - p.count(&refused)
	replayed := 0
	for _, c := range e.again {
		replayed += c.Replayed
		if n := c.AtLimit + c.Again + c.Failed + c.Doubtful; n > 0 {
			v.find("a replay tells of %d letters that it did not replay, or may have: %+v", n, c)
		}
	}
	if want := e.atKill.dead - others; replayed != want {
		v.find("the replays after the kill tell of %d letters, and should of %d", replayed, want)
	}
	if e.mended.Replayed != 1 {
		v.find("%d letters were replayed with another payload, and should be 1", e.mended.Replayed)
	}
	if want := p.count(&noAddress); e.dropped.Dropped != want {
		v.find("%d letters were dropped, and should be %d", e.dropped.Dropped, want)
	}
}
