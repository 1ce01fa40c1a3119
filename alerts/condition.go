package alerts

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Condition is something that should not be.
type Condition string

// The conditions.
const (
	// NoLeader is that the schedule has entries, and no scheduler leads.
	NoLeader Condition = "no-leader"
	// NoConsumer is that nobody consumes a queue that is not paused.
	NoConsumer Condition = "no-consumer"
	// Backlog is that many tasks of a queue are ready.
	Backlog Condition = "backlog"
	// FailureRate is that many of the tasks that ended lately were retried or are dead.
	FailureRate Condition = "failure-rate"
	// Wait is that tasks that began lately had waited long, on average, since they were enqueued or due.
	Wait Condition = "wait"
	// Dead is that a queue has dead letters.
	Dead Condition = "dead"
	// Parked is that there are tasks that no queue wanted.
	Parked Condition = "parked"
)

// Conditions are all conditions, in the order in which they are told.
func Conditions() []Condition {
	return []Condition{NoLeader, NoConsumer, Backlog, FailureRate, Wait, Dead, Parked}
}

// ParseCondition reads a condition.
func ParseCondition(text string) (Condition, error) {
	if c := Condition(text); slices.Contains(Conditions(), c) {
		return c, nil
	}
	names := make([]string, 0, len(Conditions()))
	for _, c := range Conditions() {
		names = append(names, string(c))
	}
	return "", fmt.Errorf("%.40q is none of %s", text, strings.Join(names, ", "))
}

// Severity is how soon a person is wanted.
type Severity string

// The severities.
const (
	// Critical is that nothing goes on.
	Critical Severity = "critical"
	// Warning is all else.
	Warning Severity = "warning"
)

// Severity returns the condition's.
func (c Condition) Severity() Severity {
	if c == NoLeader || c == NoConsumer {
		return Critical
	}
	return Warning
}

// Window is the time before now over which the failure rate and the mean wait are taken.
const Window = 5 * time.Minute

// The default thresholds. A condition holds at its threshold; Dead and Parked hold at 1.
const (
	DefaultBacklog     = 1000
	DefaultFailureRate = 0.05
	DefaultMinEnded    = 25
	DefaultWait        = 5 * time.Minute
)

// Thresholds are from where on conditions hold. A field that is 0 is its default.
type Thresholds struct {
	// Backlog is a number of ready tasks. Defaults to DefaultBacklog.
	Backlog int
	// FailureRate is a share of the tasks that ended, above 0 and at most 1. Defaults to DefaultFailureRate.
	FailureRate float64
	// MinEnded is how many tasks must have ended for their failure rate to count. Of as few as by default one
	// is still below the default rate: a single failure is never enough. Defaults to DefaultMinEnded.
	MinEnded int
	// Wait is a mean wait. Defaults to DefaultWait.
	Wait time.Duration
}

func (t Thresholds) withDefaults() Thresholds {
	if t.Backlog == 0 {
		t.Backlog = DefaultBacklog
	}
	if t.FailureRate == 0 {
		t.FailureRate = DefaultFailureRate
	}
	if t.MinEnded == 0 {
		t.MinEnded = DefaultMinEnded
	}
	if t.Wait == 0 {
		t.Wait = DefaultWait
	}
	return t
}
