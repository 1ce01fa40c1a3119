package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// plan is everything that is to happen in a run: which tasks are published when, and which faults
// strike when. It is a pure function of its settings.
type plan struct {
	settings
	tasks  []*item
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

// faultKind is a way to break something.
type faultKind int

// The faults.
const (
	killWorker  faultKind = iota // kill -9, and started again at once
	stopBroker                   // stopped cleanly, and started again
	crashBroker                  // kill -9, and started again
)

// String returns the fault as the report names it.
func (k faultKind) String() string {
	return [...]string{"worker killed", "broker stopped", "broker killed"}[k]
}

// strike is one fault at one time.
type strike struct {
	at     time.Duration // from the start of the run
	kind   faultKind
	worker int // the one that is killed
}

// newPlan makes the plan of some settings.
func newPlan(s settings) *plan {
	random := rand.New(rand.NewPCG(s.seed, 0))
	p := &plan{settings: s}
	p.addTasks(random)
	p.addFaults(random)
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
		p.tasks = append(p.tasks, t)
	}
}

// addFaults adds the faults: a worker is killed every so often, each in turn, and the broker is
// restarted at equal distances, give or take a little.
func (p *plan) addFaults(random *rand.Rand) {
	end := p.length()
	first := random.IntN(p.workers)
	kind := stopBroker
	if p.hard {
		kind = crashBroker
	}
	part := end / time.Duration(p.restarts+1)
	var restarts []strike
	for i := range p.restarts {
		at := part*time.Duration(i+1) + below(random, p.killEvery) - p.killEvery/2
		restarts = append(restarts, strike{at: at, kind: kind})
	}
	for n := 1; time.Duration(n)*p.killEvery < end; n++ {
		at := time.Duration(n) * p.killEvery
		for len(restarts) > 0 && restarts[0].at < at {
			p.faults, restarts = append(p.faults, restarts[0]), restarts[1:]
		}
		p.faults = append(p.faults, strike{at: at, kind: killWorker, worker: (first + n) % p.workers})
	}
	p.faults = append(p.faults, restarts...)
}

// below returns a random duration below a limit.
func below(random *rand.Rand, limit time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(limit)))
}
