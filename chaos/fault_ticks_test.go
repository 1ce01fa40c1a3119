package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// ticking is the evidence of a run of ten seconds in which one scheduler has emitted each tick of one entry.
func ticking() *tickEvidence {
	e := &tickEvidence{
		entries: killEntries[:1], until: at(10),
		events: []event{{process: "scheduler-1.1", At: at(-2), Kind: eventLeading, Term: 1}},
	}
	for n := range 11 {
		fire := at(float64(n))
		e.caught = append(e.caught, caught{
			tick: tick{"secondly", fire.Unix()}, id: fmt.Sprint(n), enqueued: fire.Add(time.Millisecond), received: fire.Add(2 * time.Millisecond),
		})
	}
	return e
}

func TestTicksOfARun(t *testing.T) {
	e := ticking()
	assert.Empty(t, checkTicks(e, &evidence{}, lateLimit).findings)
	assert.True(t, e.complete())

	e.caught = append(e.caught[:4], e.caught[5:]...)
	assert.Contains(t, fmt.Sprint(checkTicks(e, &evidence{}, lateLimit).findings), "1 ticks are MISSING")
	assert.False(t, e.complete())

	e = ticking()
	e.caught[4].received = at(8.5)
	assert.Contains(t, fmt.Sprint(checkTicks(e, &evidence{}, lateLimit).findings), "came 4.5s late, of which nothing explains 4.5s")
	stopped := &evidence{damages: []damage{restarted(4, 5)}}
	assert.Empty(t, checkTicks(e, stopped, lateLimit).findings)

	e = ticking()
	again := e.caught[4]
	again.enqueued, again.received = at(6.1), at(6.2)
	e.caught = append(e.caught, again)
	assert.Contains(t, fmt.Sprint(checkTicks(e, &evidence{}, lateLimit).findings), "UNEXPLAINED")
	e.outages = []span{{at(5), at(6)}}
	assert.Empty(t, checkTicks(e, &evidence{}, lateLimit).findings)

	e = ticking()
	again = e.caught[4]
	again.received = at(4.9)
	e.caught = append(e.caught, again)
	assert.Contains(t, fmt.Sprint(checkTicks(e, &evidence{}, lateLimit).findings), "came twice, and the broker does not say that it gave it out again")
	e.caught[4].redelivered = true
	assert.Empty(t, checkTicks(e, &evidence{}, lateLimit).findings, "the other of the two is the one that was given out again")

	assert.False(t, (&tickEvidence{}).complete(), "nobody has led")
}

// A leader that is frozen tells that it leads no more only when it goes on.
func TestThawedLeader(t *testing.T) {
	events := []event{
		{process: "scheduler-1.1", At: at(0), Kind: eventLeading, Term: 1},
		{process: "scheduler-2.1", At: at(4), Kind: eventLeading, Term: 2},
		{process: "scheduler-1.1", At: at(7.1), Kind: eventNotLeading, Term: 1},
	}
	e := ticking()
	e.events = events
	assert.Contains(t, fmt.Sprint(checkTicks(e, &evidence{}, lateLimit).findings), "TWO LEADERS")
	frozen := damage{kind: freezeLeader, who: actor{role: aScheduler}, process: "scheduler-1.1", span: span{at(2), at(7)}}
	e.events = thawed(events, []damage{frozen})
	assert.Equal(t, at(2), e.events[2].At)
	assert.Equal(t, at(7.1), events[2].At, "what was told stays as it was")
	assert.NotContains(t, fmt.Sprint(checkTicks(e, &evidence{}, lateLimit).findings), "TWO LEADERS")
}
