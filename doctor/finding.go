package doctor

import (
	"cmp"
	"slices"
)

// Severity is how much a finding matters.
type Severity string

// The severities, the gravest first.
const (
	// Error: tasks are lost, stuck or not run, or a worker or scheduler does not start.
	Error Severity = "error"
	// Warning: that may come, or is so by somebody's choice.
	Warning Severity = "warning"
	// NotMade: a check that could not be made; the message says why.
	NotMade Severity = "not-made"
	// Info: good to know.
	Info Severity = "info"
)

// order of the severities, for sorting.
var order = []Severity{Error, Warning, NotMade, Info}

// Finding is one thing that a check has found.
type Finding struct {
	// Check is the check's name, one of [Checks].
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	// Subject is what it is about: a queue, an exchange, a node, a user, or a field of the configuration
	// with its line.
	Subject string `json:"subject"`
	Message string `json:"message"`
	// Remedy is a command, or a line of YAML, or in a few words what to do. Empty: there is nothing to
	// mend.
	Remedy string `json:"remedy,omitempty"`
}

// Examine makes all checks and returns what they found: the gravest first, then in the order of
// [Checks].
func Examine(f *Facts) []Finding {
	var found []Finding
	for _, c := range checks {
		for _, finding := range c.examine(f) {
			finding.Check = c.name
			found = append(found, finding)
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	return found
}

// Checks are the names of all checks, in their order.
func Checks() []string {
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.name
	}
	return names
}

// check is one check: a pure function of the facts.
type check struct {
	name    string
	examine func(*Facts) []Finding
}

var checks = []check{
	{"connection", checkConnection},
	{"transport", checkTransport},
	{"management", checkManagement},
	{"version", checkVersion},
	{"features", checkFeatures},
	{"alarms", checkAlarms},
	{"clock", checkClock},
	{"cluster", checkCluster},
	{"permissions", checkPermissions},
	{"exchanges", checkExchanges},
	{"queues", checkQueues},
	{"bindings", checkBindings},
	{"stale-bindings", checkStaleBindings},
	{"policies", checkPolicies},
	{"streams", checkStreams},
	{"ladder", checkLadder},
	{"ack-timeouts", checkAckTimeouts},
	{"consumers", checkConsumers},
	{"letters", checkLetters},
	{"left-behind", checkLeftBehind},
}

// notMade is the finding of a check that could not be made.
func notMade(subject string, why error) []Finding {
	return []Finding{{Severity: NotMade, Subject: subject, Message: why.Error()}}
}
