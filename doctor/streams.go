package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// checkStreams tells of streams that are missing, of another kind, or with another retention than is
// configured. A policy for the retention wins over the argument, so it mends a stream that exists.
func checkStreams(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	byAMQP := f.Survey.Queues.Err != nil
	if byAMQP && f.Presence.Err != nil {
		return notMade("streams", f.Presence.Err)
	}
	for _, want := range f.Topology.Value.Streams {
		q, exists := f.queue(want.Name)
		if byAMQP {
			found = append(found, f.streamByAMQP(&want)...)
			continue
		}
		switch {
		case !exists:
			found = append(found, f.missingStream(&want))
		case q.Type != string(routing.Stream):
			found = append(found, f.driftedStream(&want, "x-queue-type: want stream, have "+q.Type))
		default:
			found = append(found, f.retention(&want, q)...)
		}
	}
	return found
}

// streamUses tell what is lost without a stream.
func (f *Facts) streamUse(name string) string {
	n := f.names()
	switch name {
	case n.History():
		return "nothing of what happens to tasks is kept"
	case n.Control():
		return "pauses and revocations reach nobody"
	case n.Lease():
		return "no scheduler can lead, and no schedule fires"
	default:
		return "what was missed while no scheduler ran is not known"
	}
}

func (f *Facts) missingStream(want *routing.Queue) Finding {
	return Finding{Severity: Error, Subject: want.Name, Message: "the stream is missing: " + f.streamUse(want.Name), Remedy: restart}
}

func (f *Facts) driftedStream(want *routing.Queue, difference string) Finding {
	return Finding{
		Severity: Error, Subject: want.Name, Message: "differs from what is wanted, and no worker or scheduler starts: " + difference,
		Remedy: f.deleteQueue(want.Name) + " && " + restart,
	}
}

// streamByAMQP tells what AMQP tells of a stream.
func (f *Facts) streamByAMQP(want *routing.Queue) (found []Finding) {
	if slices.Contains(f.Presence.Value.MissingQueues, want.Name) {
		return []Finding{f.missingStream(want)}
	}
	for _, d := range f.Presence.Value.Drift {
		if d.Kind != "queue" || d.Name != want.Name {
			continue
		}
		difference := fmt.Sprintf("%s: want %s, have %s", d.Argument, d.Want, d.Have)
		if routing.Retention(d.Argument) {
			found = append(found, f.otherRetention(want, []string{difference}))
		} else {
			found = append(found, f.driftedStream(want, difference))
		}
	}
	return found
}

// retentionArguments are what is compared, and the policy keys that are worth more.
var retentionArguments = []string{routing.ArgMaxAge, routing.ArgMaxLengthBytes, routing.ArgMaxSegmentBytes}

// retention compares what a stream keeps with what is wanted.
func (f *Facts) retention(want *routing.Queue, q *broker.QueueInfo) []Finding {
	var differs []string
	for _, argument := range retentionArguments {
		has := q.Arguments[argument]
		if policy := q.Effective[strings.TrimPrefix(argument, "x-")]; policy != nil {
			has = policy
		}
		if wanted := want.Arguments[argument]; sameRetention(argument, wanted) != sameRetention(argument, has) {
			differs = append(differs, routing.Difference{
				Argument: argument, Want: routing.ArgumentText(wanted), Have: routing.ArgumentText(has),
			}.String())
		}
	}
	if len(differs) == 0 {
		return nil
	}
	return []Finding{f.otherRetention(want, differs)}
}

// otherRetention is the finding of a stream that keeps more or less than is wanted.
func (f *Facts) otherRetention(want *routing.Queue, differs []string) Finding {
	subject := want.Name
	if want.Name == f.names().History() {
		subject = f.Where("history")
	}
	definition := map[string]any{}
	for _, argument := range retentionArguments {
		if value := want.Arguments[argument]; value != nil {
			definition[strings.TrimPrefix(argument, "x-")] = value
		}
	}
	return Finding{
		Severity: Warning, Subject: subject,
		Message: want.Name + " has another retention than is configured, and keeps it: " + strings.Join(differs, "; "),
		Remedy:  f.setPolicy(want.Name, definition),
	}
}

// sameRetention is a value of a retention in a form that is the same for what means the same.
func sameRetention(argument string, value any) string {
	shown := routing.ArgumentText(value)
	if argument != routing.ArgMaxAge {
		return shown
	}
	if age, err := streamAge(shown); err == nil {
		return age.String()
	}
	return shown
}

// ageUnits are those of a stream's age, as RabbitMQ has them.
var ageUnits = map[byte]time.Duration{
	'Y': 365 * 24 * time.Hour, 'M': 30 * 24 * time.Hour, 'D': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second,
}

// streamAge reads an age such as 7D.
func streamAge(age string) (time.Duration, error) {
	if age == "" {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseInt(age[:len(age)-1], 10, 32)
	unit, known := ageUnits[age[len(age)-1]]
	if err != nil || !known {
		return 0, strconv.ErrSyntax
	}
	return time.Duration(n) * unit, nil
}
