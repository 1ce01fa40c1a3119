package main

import (
	"math/rand/v2"
	"time"
)

// blowKind is something that is done to schedulers.
type blowKind int

// The blows.
const (
	killLeader    blowKind = iota // kill -9, and started again after a moment
	stopLeader                    // SIGTERM, and started again after a moment
	restartBroker                 // stopped cleanly, and started again
)

// String returns the blow as the log of a run names it.
func (k blowKind) String() string {
	return [...]string{"leader killed", "leader asked to stop", "broker restarted"}[k]
}

// blow is one of them, and how long after the one before.
type blow struct {
	kind blowKind
	wait time.Duration
}

// newBlows makes the plan of a run: one blow each interval, of which the middle one restarts the
// broker and of the others every so-manieth asks the leader to stop. It is a pure function of its settings.
func newBlows(s tickSettings) []blow {
	random := rand.New(rand.NewPCG(s.seed, 0))
	number := int(s.duration/s.killEvery) - 1
	var all []blow
	for i, n := 0, 0; i < number; i++ {
		b := blow{kind: restartBroker, wait: s.killEvery - secondPhase/2 + below(random, secondPhase)}
		if i != number/2 {
			if n++; n%s.stopEvery == 0 {
				b.kind = stopLeader
			} else {
				b.kind = killLeader
			}
		}
		all = append(all, b)
	}
	return all
}

// secondPhase is by how much a blow is put off at random, so that blows come at any part of a second.
const secondPhase = time.Second
