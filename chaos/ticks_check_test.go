package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tickOf is a tick of an entry, published and caught that many seconds late.
func tickOf(entry string, fire, late float64) caught {
	return caught{
		tick: tick{entry, at(fire).Unix()}, id: fmt.Sprintf("%s-%g", entry, fire),
		enqueued: at(fire + late), received: at(fire + late + 0.005),
	}
}

// steady is a run of a minute that nothing disturbs: a leads all the while and no tick is missing.
func steady() *tickEvidence {
	e := &tickEvidence{entries: killEntries[:2], events: []event{leads("a", 0.5, 1)}, until: at(60)}
	for fire := 1.0; fire <= 60; fire++ {
		e.caught = append(e.caught, tickOf("secondly", fire, 0.01))
		if int(fire)%2 == 0 {
			e.caught = append(e.caught, tickOf("second", fire, 0.01))
		}
	}
	return e
}

// without takes the ticks of an entry within two seconds away.
func (e *tickEvidence) without(entry string, from, to float64) {
	e.caught = slices.DeleteFunc(e.caught, func(c caught) bool {
		return c.entry == entry && !c.at().Before(at(from)) && !c.at().After(at(to))
	})
}

func TestSteadyRunHolds(t *testing.T) {
	v := steady().judgeKills()
	assert.Empty(t, v.findings)
	assert.Equal(t, tickCount{ticks: 60}, *v.counts["secondly"])
	assert.Equal(t, tickCount{ticks: 30}, *v.counts["second"])
	assert.Len(t, v.lateness, 90)
}

func TestKillsFindings(t *testing.T) {
	for name, one := range map[string]struct {
		spoil func(*tickEvidence)
		says  string
	}{
		"missing": {func(e *tickEvidence) { e.without("secondly", 20, 22) },
			"secondly: 3 ticks are MISSING, from " + clockOf(at(20)) + " to " + clockOf(at(22))},
		"missing at the begin": {func(e *tickEvidence) { e.without("second", 0, 10) }, "second: 4 ticks are MISSING"},
		"missing at the end":   {func(e *tickEvidence) { e.without("second", 59, 60) }, "second: 1 ticks are MISSING"},
		"early":                {func(e *tickEvidence) { e.caught[5].received = e.caught[5].at().Add(-time.Millisecond) }, "came 1ms early"},
		"two IDs": {func(e *tickEvidence) {
			again := tickOf("secondly", 7, 0.02)
			again.id = "other"
			e.caught = append(e.caught, again)
		}, `came under 2 IDs: ["other" "secondly-7"]`},
		"one ID of two": {func(e *tickEvidence) { e.caught[0].id = e.caught[1].id }, "is that of 2 ticks"},
		"no entry":      {func(e *tickEvidence) { e.caught[0].entry = "other" }, `is of "other", which is no entry`},
		"no tick":       {func(e *tickEvidence) { e.odd = []string{"task x is no tick"} }, "task x is no tick"},
		"two leaders":   {func(e *tickEvidence) { e.events = append(e.events, leads("b", 30, 2)) }, "TWO LEADERS: a led until"},
		"term": {func(e *tickEvidence) {
			e.events = append(e.events, leadsNoMore("a", 30, 1), leads("b", 30, 1))
		}, "is 1, after 1"},
		"nobody led": {func(e *tickEvidence) { e.events = nil }, "secondly: nobody ever led"},
		"published without leading": {func(e *tickEvidence) {
			e.events = append(e.events, leadsNoMore("a", 30, 1), leads("b", 32, 2))
		}, "when nobody led"},
		"slow failover": {func(e *tickEvidence) {
			e.deaths = []death{{process: "a", at: at(30)}}
			e.events = append(e.events, leads("b", 33.5, 2))
		}, "a killed at " + clockOf(at(30)) + ": another led only 3.5s later, more than 3s"},
		"slow handover": {func(e *tickEvidence) {
			e.deaths = []death{{process: "a", at: at(30), asked: true, gone: at(30.5)}}
			e.events = append(e.events, leadsNoMore("a", 30.2, 1), leads("b", 31.5, 2))
		}, "another led only 1.5s later, more than 1s"},
		"no failover": {func(e *tickEvidence) { e.deaths = []death{{process: "a", at: at(58)}} }, "nobody led after a"},
		"repeat for no reason": {func(e *tickEvidence) { e.caught = append(e.caught, tickOf("secondly", 7, 0.5)) },
			"UNEXPLAINED"},
		"repeat by a clean stop": {func(e *tickEvidence) {
			e.deaths = []death{{process: "a", at: at(30.1), asked: true}}
			e.events = append(e.events, leadsNoMore("a", 30.2, 1), leads("b", 30.3, 2))
			e.caught = append(e.caught, tickOf("secondly", 30, 0.4))
		}, "THE LEADER WAS ASKED TO STOP"},
		"twice, unsaid": {func(e *tickEvidence) { e.caught = append(e.caught, e.caught[7]) }, "came twice"},
		"bad end":       {func(e *tickEvidence) { e.badEnds = []string{"a was asked to stop: exit status 1"} }, "exit status 1"},
		"by itself":     {func(e *tickEvidence) { e.byself = []string{"a: exit status 1"} }, "a scheduler ended by itself: a: exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			e := steady()
			one.spoil(e)
			v := e.judgeKills()
			assert.False(t, v.holds())
			assert.Contains(t, fmt.Sprint(v.findings), one.says)
		})
	}
}

// What at least once allows, and what the broker does, is counted and not found fault with.
func TestKillsCounts(t *testing.T) {
	e := steady()
	e.deaths = []death{{process: "a", at: at(30.05)}}
	e.events = append(e.events, leads("b", 32.5, 2), leadsNoMore("b", 41, 2), leads("c", 45, 3))
	e.outages = []span{{at(40), at(44)}}
	for i, c := range e.caught {
		switch fire := c.at().Sub(dawn).Seconds(); {
		case fire > 30 && fire < 33:
			e.caught[i] = tickOf(c.entry, fire, 33-fire)
		case fire > 40 && fire < 46:
			e.caught[i] = tickOf(c.entry, fire, 46-fire)
		}
	}
	redelivered := e.caught[len(e.caught)-1]
	redelivered.received, redelivered.redelivered = redelivered.received.Add(time.Second), true
	e.caught = append(e.caught, redelivered, tickOf("secondly", 30, 3), tickOf("secondly", 40, 6))
	v := e.judgeKills()
	require.Empty(t, v.findings)
	assert.Equal(t, [repeats]int{repeatKill: 1, repeatOutage: 1}, v.repeats)
	assert.Equal(t, tickCount{ticks: 60, repeats: 2}, *v.counts["secondly"])
	assert.Equal(t, tickCount{ticks: 30, redelivered: 1}, *v.counts["second"])
	require.Len(t, v.gaps, 2)
	assert.False(t, v.gaps[0].excused)
	assert.True(t, v.gaps[1].excused, "the broker was away")
}

func TestExplain(t *testing.T) {
	e := &tickEvidence{outages: []span{{at(50), at(55)}}}
	reigns := []reign{{to: at(10), end: reignKilled}, {to: at(20), end: reignStopped}, {to: at(30), end: reignLapsed}, {to: at(60)}}
	for _, one := range []struct {
		from, to float64
		why      repeat
	}{
		{9, 11, repeatKill}, {11, 12, repeatUnexplained}, {19, 21, repeatStop}, {29, 31, repeatLapse},
		{49, 51, repeatOutage}, {51, 52, repeatOutage}, {59, 61, repeatUnexplained}, {19, 31, repeatLapse},
	} {
		assert.Equal(t, one.why, e.explain(reigns, span{at(one.from), at(one.to)}), "%v", one)
	}
}

func TestGapsIn(t *testing.T) {
	every := timetable{every: 2 * time.Second}
	came := []time.Time{at(4), at(10)}
	assert.Equal(t, []span{{at(2), at(2)}, {at(6), at(8)}}, gapsIn(every, came, at(1), at(11)))
	assert.Equal(t, 2, span{at(6), at(8)}.number(every))
	assert.Empty(t, gapsIn(every, came, at(4), at(5)))
	assert.Empty(t, gapsIn(every, nil, at(5), at(3)))
}
