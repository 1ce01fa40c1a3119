package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outage is a run in which the broker was away from 20 to 110, and b leads from 112.3: ticks up to 102
// are missed, and those from 103 are on time.
func outage() *tickEvidence {
	e := &tickEvidence{
		entries: awayEntries, outages: []span{{at(20.5), at(110)}}, until: at(130),
		events: []event{leads("a", 0.5, 1), leadsNoMore("a", 22, 1), leads("b", 112.3, 2)},
	}
	for _, t := range awayEntries {
		for fire := 1.0; fire <= 130; fire++ {
			switch {
			case fire <= 20 || fire >= 113:
				e.caught = append(e.caught, tickOf(t.name, fire, 0.01))
			case fire >= 103:
				e.caught = append(e.caught, tickOf(t.name, fire, 112.4-fire))
			case t.policy == catchAll || t.policy == catchLast && fire == 102:
				c := tickOf(t.name, fire, 112.4-fire)
				c.notBefore = c.enqueued.Add(time.Duration(fire-21) * catchUpSpacing)
				e.caught = append(e.caught, c)
			}
		}
	}
	return e
}

func judgedAway(e *tickEvidence) (*tickVerdict, []awayAccount) {
	v := e.judge()
	var all []awayAccount
	for _, t := range e.entries {
		all = append(all, v.judgeAway(e, t))
	}
	return v, all
}

func TestAwayHolds(t *testing.T) {
	v, accounts := judgedAway(outage())
	require.Empty(t, v.findings)
	assert.Equal(t, []awayAccount{
		{timetable: awayEntries[0], before: 20, skipped: 82, after: 28},
		{timetable: awayEntries[1], before: 20, caughtUp: 1, skipped: 81, after: 28},
		{timetable: awayEntries[2], before: 20, caughtUp: 82, after: 28},
	}, accounts)
}

func TestAwayFindings(t *testing.T) {
	for name, one := range map[string]struct {
		spoil func(*tickEvidence)
		says  string
	}{
		"all: one missing": {func(e *tickEvidence) { e.without("all", 50, 50) }, "all: 1 ticks are MISSING"},
		"all: none caught up": {func(e *tickEvidence) { e.without("all", 21, 102) },
			"all: no tick was caught up"},
		"all: at once": {func(e *tickEvidence) {
			for i := range e.caught {
				e.caught[i].notBefore = time.Time{}
			}
		}, "all: 81 missed ticks may start at once"},
		"all: too close": {func(e *tickEvidence) {
			for i := range e.caught {
				if c := &e.caught[i]; c.entry == "all" && c.fire == at(60).Unix() {
					c.notBefore = c.notBefore.Add(-10 * time.Millisecond)
				}
			}
		}, "may start 90ms after the one before"},
		"last: none":           {func(e *tickEvidence) { e.without("last", 102, 102) }, "last: no tick was caught up"},
		"last: another":        {func(e *tickEvidence) { e.without("last", 102, 102); e.add(tickOf("last", 90, 22.4)) }, "and not only the newest one"},
		"last: two":            {func(e *tickEvidence) { e.add(tickOf("last", 100, 12.4)) }, "last: 2 ticks were caught up"},
		"none: one":            {func(e *tickEvidence) { e.add(tickOf("none", 90, 22.4)) }, "none: 1 ticks came later than 10s"},
		"none: lost on time":   {func(e *tickEvidence) { e.without("none", 105, 105) }, "none: 1 ticks are MISSING"},
		"lost after":           {func(e *tickEvidence) { e.without("last", 120, 121) }, "last: 2 ticks are MISSING"},
		"lost before":          {func(e *tickEvidence) { e.without("none", 10, 10) }, "none: 1 ticks are MISSING"},
		"nobody after":         {func(e *tickEvidence) { e.events = e.events[:2] }, errNoReturn.Error()},
		"the broker stayed up": {func(e *tickEvidence) { e.outages = nil }, errNoReturn.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			e := outage()
			one.spoil(e)
			v, _ := judgedAway(e)
			assert.Contains(t, fmt.Sprint(v.findings), one.says)
		})
	}
}

func (e *tickEvidence) add(c caught) { e.caught = append(e.caught, c) }

// Which tick was the last to be missed depends on when exactly it was asked.
func TestAwayAtTheBoundary(t *testing.T) {
	e := outage()
	for i := range e.caught {
		if c := &e.caught[i]; c.fire == at(103).Unix() {
			c.enqueued = c.at().Add(onTime + 500*time.Millisecond) // it was on time when it was looked at
		}
	}
	v, accounts := judgedAway(e)
	assert.Empty(t, v.findings)
	assert.Equal(t, 2, accounts[1].caughtUp)
}
