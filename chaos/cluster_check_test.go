package main

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// steadyLoad is a minute in which a node is killed at 20 s, is back at 40 s, and nothing else comes of it.
func steadyLoad() *clusterEvidence {
	e := &clusterEvidence{
		blows:  []struck{{nodeBlow{nodeKilled, 1}, seconds(20, 40)}},
		loaded: seconds(0, 60), left: map[string]int{loadQueue(0): 0}, ticks: steady(),
	}
	for n := range 6000 {
		s := &sent{load: newLoad(7, n), due: at(float64(n) / 100)}
		s.confirmed = s.due.Add(2 * time.Millisecond)
		started := s.confirmed
		if s.delay > 0 {
			s.notBefore = s.due.Add(s.delay)
			started = s.notBefore
		}
		e.sent = append(e.sent, s)
		if s.script.Fails > 0 {
			e.runs = append(e.runs, loadRun(s.id, 1, started, failed))
		}
		e.runs = append(e.runs, loadRun(s.id, s.script.Fails+1, started, succeeded))
	}
	return e
}

func loadRun(id string, attempt int, started time.Time, o outcome) *run {
	return &run{process: "worker-1.1", id: id, attempt: attempt, started: started, finished: started.Add(time.Millisecond), outcome: o}
}

// plain is the first task after a number of seconds that neither fails nor is delayed.
func (e *clusterEvidence) plain(after float64) *sent {
	i := slices.IndexFunc(e.sent, func(s *sent) bool { return s.script.Fails == 0 && s.delay == 0 && s.due.After(at(after)) })
	return e.sent[i]
}

// retried is the first task after a number of seconds that fails once.
func (e *clusterEvidence) retried(after float64) *sent {
	i := slices.IndexFunc(e.sent, func(s *sent) bool { return s.script.Fails > 0 && s.delay == 0 && s.due.After(at(after)) })
	return e.sent[i]
}

func TestSteadyLoadHolds(t *testing.T) {
	v := steadyLoad().judge()
	assert.Empty(t, v.findings)
	assert.Equal(t, 6000, v.published)
	if assert.Len(t, v.accounts, 2) {
		assert.Empty(t, v.accounts[1].publishing)
		assert.Empty(t, v.accounts[1].running)
		assert.Equal(t, 2*time.Millisecond, v.accounts[1].confirm)
		assert.Equal(t, "kept", v.accounts[1].lease())
	}
}

func TestClusterFindings(t *testing.T) {
	for name, one := range map[string]struct {
		spoil func(*clusterEvidence)
		says  string
	}{
		"lost": {func(e *clusterEvidence) {
			id := e.plain(30).id
			e.runs = slices.DeleteFunc(e.runs, func(r *run) bool { return r.id == id })
		}, "LOST: "},
		"never confirmed": {func(e *clusterEvidence) { e.plain(30).confirmed = time.Time{} }, "was never confirmed"},
		"early": {func(e *clusterEvidence) {
			s := e.plain(5)
			s.notBefore = s.due.Add(time.Second)
		}, "too early"},
		"run and never published": {func(e *clusterEvidence) { e.runs[0].id = "other" }, "other was run and never published"},
		"again for no reason": {func(e *clusterEvidence) {
			s := e.plain(5)
			e.runs = append(e.runs, loadRun(s.id, 1, s.due.Add(time.Second), succeeded))
		}, "attempt 1 was run again for no reason"},
		"publishing stalls": {func(e *clusterEvidence) {
			for _, s := range e.sent {
				if s.publisher == 2 && !s.due.Before(at(21)) && s.due.Before(at(37)) {
					s.confirmed = at(37)
				}
			}
		}, "publisher 3, load-1 stood still for 16"},
		"a queue stalls": {func(e *clusterEvidence) {
			for _, r := range e.runs {
				i := slices.IndexFunc(e.sent, func(s *sent) bool { return s.id == r.id })
				if e.sent[i].queue == 0 && r.started.After(at(22)) && r.started.Before(at(40)) {
					r.started = at(40)
				}
			}
		}, "queue load-1 stood still for 18"},
		"two leaders":    {func(e *clusterEvidence) { e.ticks.events = append(e.ticks.events, leads("b", 30, 2)) }, "TWO LEADERS"},
		"a missing tick": {func(e *clusterEvidence) { e.ticks.without("secondly", 20, 20) }, "MISSING"},
		"left":           {func(e *clusterEvidence) { e.left["load-1.dead"] = 2 }, "2 messages are left in load-1.dead"},
		"odd":            {func(e *clusterEvidence) { e.odd = map[string]int{"no route": 3} }, "3 times publishing came to: no route"},
		"ended by itself": {func(e *clusterEvidence) { e.byself = []string{"worker-1.1: exit status 2"} },
			"a worker ended by itself: worker-1.1: exit status 2"},
	} {
		t.Run(name, func(t *testing.T) {
			e := steadyLoad()
			one.spoil(e)
			v := e.judge()
			assert.False(t, v.holds())
			var out bytes.Buffer
			v.writeVerdict(&out)
			assert.Contains(t, out.String(), "DOES NOT HOLD")
			assert.Contains(t, out.String(), one.says)
		})
	}
}

// What a fault, or the publisher, explains is no failure.
func TestClusterDuplicates(t *testing.T) {
	for name, one := range map[string]struct {
		spoil func(*clusterEvidence)
		want  []again
	}{
		"unconfirmed": {func(e *clusterEvidence) {
			s := e.plain(5)
			s.resent = 1
			e.runs = append(e.runs, loadRun(s.id, 1, s.due.Add(time.Second), succeeded))
		}, []again{againUnconfirmed}},
		"to the same process": {func(e *clusterEvidence) {
			s := e.plain(30)
			e.runs = append(e.runs, loadRun(s.id, 1, s.due.Add(time.Second), succeeded))
		}, []again{againSame}},
		"to another process": {func(e *clusterEvidence) {
			s := e.plain(19.9)
			r := loadRun(s.id, 1, s.due.Add(12*time.Second), succeeded)
			r.process = "worker-2.1"
			e.runs = append(e.runs, r)
		}, []again{againOther}},
		"follows": {func(e *clusterEvidence) {
			s := e.retried(30)
			e.runs = append(e.runs, loadRun(s.id, 1, s.due.Add(time.Second), failed), loadRun(s.id, 2, s.due.Add(2*time.Second), succeeded))
		}, []again{againSame, againFollows}},
	} {
		t.Run(name, func(t *testing.T) {
			e := steadyLoad()
			one.spoil(e)
			v := e.judge()
			assert.Empty(t, v.findings)
			var want, got [againCauses]int
			for _, why := range one.want {
				want[why]++
			}
			for _, a := range v.accounts {
				for why, n := range a.repeats {
					got[why] += n
				}
			}
			assert.Equal(t, want, got)
		})
	}
}

// A stall is listed with what had happened before it.
func TestStallsAreListed(t *testing.T) {
	e := steadyLoad()
	for _, s := range e.sent {
		if s.publisher == 0 && s.due.After(at(20)) && s.due.Before(at(25)) {
			s.confirmed = at(25)
		}
	}
	v := e.judge()
	assert.Empty(t, v.findings)
	var out bytes.Buffer
	v.writeStalls(&out)
	assert.Contains(t, out.String(), "no confirm  publisher 1, load-")
	assert.Contains(t, out.String(), "node killed (-9): 2")
	out.Reset()
	v.writeVerdict(&out)
	assert.Contains(t, out.String(), "verdict: holds: lost 0")
}
