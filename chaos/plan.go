package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// plan is everything that is to happen in a run: which tasks are published when, and which faults
// strike when. It is a pure function of its settings.
type plan struct {
	settings
	tasks  []*item  // in the order of their time
	faults []strike // in the order of their time
}

// item is one task of the plan.
type item struct {
	id       string
	kind     *kind
	script   script
	priority int
	at       time.Duration // of its publishing, from the start of the run
	delay    time.Duration // 0: at once
}

// The rounds of a run. Faults begin in the first part of a round, so that the last is calm: there the tasks
// are published that show the order of priorities, and what is late there is late for no reason.
const (
	roundTime  = 20 * time.Second
	strikesEnd = 11 * time.Second // when the last fault of a round begins
	burstAt    = 16 * time.Second
)

// newPlan makes the plan of some settings. What strikes is drawn apart from the tasks.
func newPlan(s settings) *plan {
	p := &plan{settings: s}
	p.addTasks(rand.New(rand.NewPCG(s.seed, 0)))
	p.addFaults(rand.New(rand.NewPCG(s.seed, 1)))
	return p
}

// length is how long the tasks take to be published, if nothing is in the way.
func (p *plan) length() time.Duration {
	return time.Duration(p.settings.tasks) * time.Second / time.Duration(p.rate)
}

// addTasks adds the tasks: of each kind its share, in any order, with any priority.
func (p *plan) addTasks(random *rand.Rand) {
	var deck []*kind // a hundred kinds by their shares
	for i := range kinds {
		for range kinds[i].share {
			deck = append(deck, &kinds[i])
		}
	}
	var hand []*kind
	for n := range p.settings.tasks {
		if len(hand) == 0 {
			hand = shuffled(random, deck)
		}
		k := hand[0]
		hand = hand[1:]
		t := &item{
			id: fmt.Sprintf("%d-%06d", p.seed, n), kind: k, script: k.script(random),
			priority: tasks.MinPriority + random.IntN(tasks.MaxPriority),
			at:       time.Duration(n) * time.Second / time.Duration(p.rate),
		}
		if k.upTo > 0 {
			t.delay = below(random, k.upTo)
		}
		if k.key == keyOrdered {
			t.at = p.burst(t.at)
		}
		p.tasks = append(p.tasks, t)
	}
	slices.SortStableFunc(p.tasks, func(a, b *item) int { return int(a.at - b.at) })
}

// burst returns when the tasks are published together that have come up until a time: in the calm of a
// round, or at the end.
func (p *plan) burst(at time.Duration) time.Duration {
	next := at.Truncate(roundTime) + burstAt
	if next < at {
		next += roundTime
	}
	return min(next, p.length())
}

// below returns a random duration below a limit.
func below(random *rand.Rand, limit time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(limit)))
}

// between returns a random duration from one to another.
func between(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + below(random, to-from)
}
