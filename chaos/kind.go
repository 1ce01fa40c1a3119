package main

import (
	"math/rand/v2"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// place is where a task ends.
type place int

// The places.
const (
	done   place = iota // its handler has succeeded
	dead                // in the dead-letter queue
	parked              // in the unrouted queue
)

// String returns the place as the report names it.
func (p place) String() string { return [...]string{"done", "dead", "parked"}[p] }

// The keys of tasks: one that is handled, one that the queue wants and no handler, one that no
// queue wants.
const (
	queueName   = "chaos"
	route       = "chaos.#"
	keyHandled  = "chaos.task"
	keyUnknown  = "chaos.unknown.kind"
	keyUnrouted = "nobody.wants.this"
	// The tasks that show the order of priorities have a queue of their own, of which each worker runs one at
	// a time.
	orderedQueue = "ordered"
	orderedRoute = "ordered.#"
	keyOrdered   = "ordered.task"
)

// kind is what there is to happen to a task.
type kind struct {
	name  string
	share int // of a hundred tasks
	key   string
	ends  place
	// reason is why it ends as a dead letter.
	reason tasks.Reason
	// script makes what its handler is to do.
	script func(random *rand.Rand) script
	// upTo is the longest time that it is delayed for.
	upTo time.Duration
	// attempts overrides the number of attempts, 0 for the queue's.
	attempts int
}

// script is what a handler does with one task: it is the task's payload, so that a worker needs no
// plan.
type script struct {
	// WorkMicros is how long each run takes.
	WorkMicros int64 `json:"work_us"`
	// Fails is how many attempts fail before one succeeds, FailsAlways for all.
	Fails int `json:"fails,omitempty"`
	// Permanent says that it fails for good.
	Permanent bool `json:"permanent,omitempty"`
	// SnoozeMillis is how long its first run puts it off, 0 for not at all.
	SnoozeMillis int64 `json:"snooze_ms,omitempty"`
}

// failsAlways is more often than any task is tried.
const failsAlways = tasks.MaxMaxAttempts + 1

// kinds are all kinds of tasks. Their shares add up to a hundred.
var kinds = []kind{
	{name: "succeeds", share: 45, key: keyHandled, ends: done, script: works},
	{name: "takes long", share: 10, key: keyHandled, ends: done, script: worksLong},
	{name: "fails once", share: 8, key: keyHandled, ends: done, script: fails(1)},
	{name: "fails twice", share: 4, key: keyHandled, ends: done, script: fails(2)},
	{name: "fails always", share: 2, key: keyHandled, ends: dead, reason: tasks.ReasonAttemptsExhausted, attempts: 2, script: fails(failsAlways)},
	{name: "fails for good", share: 2, key: keyHandled, ends: dead, reason: tasks.ReasonPermanent, script: permanent},
	{name: "delayed", share: 14, key: keyHandled, ends: done, upTo: 3 * time.Second, script: works},
	{name: "snoozes", share: 6, key: keyHandled, ends: done, script: snoozes},
	{name: "has no handler", share: 2, key: keyUnknown, ends: dead, reason: tasks.ReasonNoHandler, script: works},
	{name: "waits in line", share: 5, key: keyOrdered, ends: done, script: worksInLine},
	{name: "has no queue", share: 2, key: keyUnrouted, ends: parked, script: works},
}

// The longest time that one run of a task takes: of most, and of those that are to be running when
// their worker is killed.
const (
	shortRun = 5 * time.Millisecond
	longRun  = 300 * time.Millisecond
)

// How long one of the tasks that wait in line takes.
const (
	minTurn = 15 * time.Millisecond
	maxTurn = 30 * time.Millisecond
)

func works(random *rand.Rand) script {
	return script{WorkMicros: below(random, shortRun).Microseconds()}
}

func worksLong(random *rand.Rand) script {
	return script{WorkMicros: below(random, longRun).Microseconds()}
}

func worksInLine(random *rand.Rand) script {
	return script{WorkMicros: between(random, minTurn, maxTurn).Microseconds()}
}

func fails(times int) func(*rand.Rand) script {
	return func(random *rand.Rand) script {
		s := works(random)
		s.Fails = times
		return s
	}
}

func permanent(random *rand.Rand) script {
	s := works(random)
	s.Permanent = true
	return s
}

func snoozes(random *rand.Rand) script {
	s := works(random)
	s.SnoozeMillis = 50 + random.Int64N(500)
	return s
}

// lastAttempt is the attempt that a task of this script ends with, given how many it has.
func (s script) lastAttempt(attempts int) int {
	if s.Permanent {
		return 1
	}
	return min(s.Fails+1, attempts)
}
