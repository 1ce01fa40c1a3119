package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// faultKind is a way to break something.
type faultKind int

// The faults, in the order of the report.
const (
	killWorker   faultKind = iota // kill -9, and started again at once
	killSlowly                    // the same, and the broker hears only later that the connection is closed
	pauseWorker                   // SIGSTOP and SIGCONT, for less than the heartbeat allows
	freezeWorker                  // the same, for longer: the broker closes its connections meanwhile
	slayLeader                    // the leading scheduler: kill -9, and started again after a moment
	freezeLeader                  // the same: SIGSTOP and SIGCONT, for longer than its lease
	cutLink                       // the connections are closed
	deafenLink                    // what the broker sends vanishes
	muteLink                      // what is sent to the broker vanishes
	blockLink                     // both
	delayLink                     // latency with jitter, both ways
	narrowLink                    // little bandwidth, both ways
	stopBroker                    // stopped cleanly, and started again
	crashBroker                   // kill -9, and started again
	memoryAlarm                   // publishers are blocked
	diskAlarm                     // the same
	faultKinds
)

// String returns the fault as the report names it.
func (k faultKind) String() string {
	return [...]string{
		"worker killed (-9)", "worker killed, its connections closed late", "worker frozen for a moment",
		"worker frozen past its heartbeat", "leading scheduler killed (-9)", "leading scheduler frozen",
		"connections cut", "half open: nothing comes from the broker", "half open: nothing gets to the broker",
		"half open, both ways", "latency and jitter", "bandwidth limited", "broker stopped and started",
		"broker killed (-9) and started", "memory alarm", "disk alarm",
	}[k]
}

// role is a kind of those whom faults befall.
type role int

// The roles.
const (
	theBroker role = iota
	aWorker
	aScheduler // whichever leads
	thePublisher
)

// actor is one of them.
type actor struct {
	role  role
	place int // from 0
}

// String returns the actor as its processes are called, but for their numbers.
func (a actor) String() string {
	switch a.role {
	case aWorker:
		return fmt.Sprintf("worker-%d", a.place+1)
	case aScheduler:
		return fmt.Sprintf("scheduler-%d", a.place+1)
	case thePublisher:
		return "publisher"
	}
	return "broker"
}

// strike is one fault at one time.
type strike struct {
	at    time.Duration // from the start of the run
	kind  faultKind
	who   actor
	lasts time.Duration
	// delay is how late bytes come, rate how many KB of them a second, where that is the fault.
	delay time.Duration
	rate  int
}

// rounds of faults are dealt from a deck with these.
var faultDeck = []faultKind{
	killWorker, killWorker, killSlowly, pauseWorker, freezeWorker, slayLeader, freezeLeader,
	cutLink, cutLink, cutLink, deafenLink, muteLink, blockLink, delayLink, narrowLink,
}

// faultsARound is how many faults a round has, besides that of the broker.
const faultsARound = 6

// addFaults deals the faults of each round: those that last begin first, so that the round ends in calm. One
// that strikes the broker comes in between, an outage and an alarm in turn.
func (p *plan) addFaults(random *rand.Rand) {
	var hand []faultKind
	outages := shuffled(random, []faultKind{stopBroker, crashBroker})
	alarms := shuffled(random, []faultKind{memoryAlarm, diskAlarm})
	struck := 0
	for round := 0; time.Duration(round)*roundTime < p.length(); round++ {
		var all []strike
		for range faultsARound {
			if len(hand) == 0 {
				hand = shuffled(random, faultDeck)
			}
			all = append(all, newStrike(random, hand[0]))
			hand = hand[1:]
		}
		slices.SortStableFunc(all, func(a, b strike) int { return int(b.lasts - a.lasts) })
		busy := map[actor]time.Duration{} // until when
		step := strikesEnd / faultsARound
		for n := range all {
			s := &all[n]
			s.at = time.Duration(n)*step + below(random, step)
			s.who = chooseActor(random, s.kind, s.at, busy)
			busy[s.who] = s.at + s.lasts + time.Second
		}
		if (round+1)%p.brokerEvery == 0 {
			turn := alarms // first: a broker that has just begun is no broker to crash
			if struck%2 == 1 {
				turn = outages
			}
			s := newStrike(random, turn[struck/2%2])
			s.at = below(random, 2*time.Second)
			all = append(all, s)
			struck++
		}
		for _, s := range all {
			s.at += time.Duration(round) * roundTime
			if s.at < p.length() {
				p.faults = append(p.faults, s)
			}
		}
	}
	slices.SortStableFunc(p.faults, func(a, b strike) int { return int(a.at - b.at) })
}

// newStrike draws what a fault is like, but for whom it strikes.
func newStrike(random *rand.Rand, kind faultKind) strike {
	s := strike{kind: kind}
	switch kind {
	case killSlowly:
		s.lasts, s.delay = 3*time.Second, between(random, time.Second, 2500*time.Millisecond)
	case pauseWorker:
		s.lasts = between(random, 300*time.Millisecond, 1200*time.Millisecond)
	case freezeWorker:
		s.lasts = between(random, 5*time.Second, 7*time.Second)
	case freezeLeader:
		s.lasts = between(random, 3*time.Second, 6*time.Second)
	case deafenLink, muteLink, blockLink:
		s.lasts = between(random, 2*time.Second, 6*time.Second)
	case delayLink:
		s.lasts, s.delay = between(random, 2*time.Second, 5*time.Second), between(random, 20*time.Millisecond, 200*time.Millisecond)
	case narrowLink:
		s.lasts, s.rate = between(random, 2*time.Second, 5*time.Second), 20+random.IntN(60)
	case memoryAlarm, diskAlarm:
		s.lasts = between(random, 2*time.Second, 4*time.Second)
	case stopBroker, crashBroker:
		s.lasts = below(random, time.Second)
	}
	return s
}

// chooseActor draws whom a fault strikes, somebody who is whole at that time if there is one.
func chooseActor(random *rand.Rand, kind faultKind, at time.Duration, busy map[actor]time.Duration) actor {
	var candidates []actor
	workers := mortals
	switch kind {
	case slayLeader, freezeLeader:
		return actor{role: aScheduler}
	case killWorker, killSlowly, pauseWorker, freezeWorker:
	default:
		workers += spared
		candidates = []actor{{role: thePublisher}, {role: aScheduler}}
	}
	for place := range workers {
		candidates = append(candidates, actor{aWorker, place})
	}
	candidates = shuffled(random, candidates)
	return slices.MinFunc(candidates, func(a, b actor) int { return int(max(busy[a], at) - max(busy[b], at)) })
}
