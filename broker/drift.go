package broker

import (
	"fmt"
	"regexp"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// DriftError is an exchange or a queue that exists with another property than the topology's. It
// is [ErrDrift].
type DriftError struct {
	// Kind is "exchange" or "queue", Name its name.
	Kind string
	Name string
	// Argument is the first argument or property that the broker found to differ.
	Argument string
	// Want and Have are its values as the broker tells them.
	Want string
	Have string
	// Others are all differences, "argument: want X, have Y", where the management API could be asked.
	Others []string

	wanted amqp.Table
}

// Error names the place, both values and the remedy.
func (e *DriftError) Error() string {
	text := fmt.Sprintf("%v: %s %q exists with %s %s, and %s was asked for", ErrDrift, e.Kind, e.Name, e.Argument, e.Have, e.Want)
	if len(e.Others) > 1 {
		text += " (all differences: " + strings.Join(e.Others, "; ") + ")"
	}
	if e.Kind == "exchange" {
		return text + "; delete the exchange so that it is declared anew with its bindings, or use another broker.prefix"
	}
	if e.Argument == "x-queue-type" {
		return text + "; set `type` to what it is, or empty the queue, delete it and start again"
	}
	return text + "; empty the queue, delete it and start again, or use another queue name"
}

// Is reports whether the target is [ErrDrift].
func (e *DriftError) Is(target error) bool { return target == ErrDrift }

// lacks reports whether the existing one does not have the argument at all.
func (e *DriftError) lacks() bool { return e.Have == "none" }

// RabbitMQ's refusals, as 3.10 to 4.3 word them:
//
//	PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'a' in vhost '/': received
//	the value '9' of type 'signedint' but current is none
//	PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'a' in vhost '/': received 'topic'
//	but current is 'direct'
var (
	inequivalent = regexp.MustCompile(`inequivalent arg '([^']+)' for .*: received (.+) but current is (.+)$`)
	valueOf      = regexp.MustCompile(`^(?:the value )?'(.*?)'(?: of type '[^']*')?$`)
)

func parseDrift(kind, name string, err *amqp.Error) *DriftError {
	if err.Code != amqp.PreconditionFailed {
		return nil
	}
	found := inequivalent.FindStringSubmatch(err.Reason)
	if found == nil {
		return nil
	}
	return &DriftError{Kind: kind, Name: name, Argument: found[1], Want: plainValue(found[2]), Have: plainValue(found[3])}
}

// plainValue takes the broker's wording off a value.
func plainValue(text string) string {
	if found := valueOf.FindStringSubmatch(strings.TrimSpace(text)); found != nil {
		return found[1]
	}
	return strings.TrimSpace(text)
}
