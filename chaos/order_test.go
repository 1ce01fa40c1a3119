package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// inLine makes a plan and the evidence of tasks of some priorities, all confirmed at 16 s, that one worker has run
// one after the other, a turn of 20 ms each and what is between them, in the order given.
func inLine(t *testing.T, between time.Duration, priorities ...int) (*plan, *evidence) {
	t.Helper()
	p, e := &plan{}, &evidence{published: map[string]*publication{}}
	begin := at(16).Add(time.Second)
	for n, priority := range priorities {
		one := &item{id: fmt.Sprint(n), kind: kindNamed(t, "waits in line"), priority: priority, at: burstAt}
		p.tasks = append(p.tasks, one)
		e.published[one.id] = &publication{first: at(16), sent: at(16), confirmed: at(16)}
		started := begin.Add(time.Duration(n) * between)
		e.runs = append(e.runs, &run{
			process: first, id: one.id, attempt: 1, started: started, finished: started.Add(20 * time.Millisecond), outcome: succeeded,
		})
	}
	return p, e
}

func TestPriorities(t *testing.T) {
	p, e := inLine(t, 100*time.Millisecond, 9, 9, 8, 8, 7, 7, 5, 2, 1)
	v := check(p, e)
	assert.Empty(t, v.findings)
	assert.Positive(t, v.order.compared)

	p, e = inLine(t, 100*time.Millisecond, 9, 9, 3, 3, 7, 7, 5, 2, 1)
	v = check(p, e)
	assert.Positive(t, v.order.inverted)
	assert.Contains(t, fmt.Sprint(v.findings), "4 (priority 7) began 200ms after 2 (priority 3)")

	e.damages = []damage{befell(killWorker, 16.1, 16.1)}
	assert.Zero(t, check(p, e).order.compared, "what came back to the queue may be anywhere")
	e.damages = nil

	for _, id := range []string{"4", "5", "6"} {
		e.published[id].confirmed = at(17.2)
	}
	assert.Empty(t, check(p, e).findings, "they came when the lower ones had been given out")

	p, e = inLine(t, 20*time.Millisecond, 9, 9, 8, 7, 8, 7, 6)
	assert.Empty(t, check(p, e).findings, "a worker may have been given a lower one already")
}
