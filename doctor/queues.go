package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// checkQueues tells of queues that are missing, that do not run, or that differ so that no worker or
// scheduler starts. Of streams the check of that name tells.
func checkQueues(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	if f.Survey.Queues.Err != nil {
		return f.queuesByAMQP()
	}
	var missing []string
	for _, want := range f.Topology.Value.Queues {
		q, exists := f.queue(want.Name)
		if !exists {
			missing = append(missing, want.Name)
			continue
		}
		if q.State != "" && q.State != "running" && q.State != "idle" && q.State != "flow" {
			found = append(found, Finding{
				Severity: Error, Subject: q.Name, Message: "the queue's state is " + q.State + ": it neither takes nor gives out messages",
				Remedy: "start the node that it lives on, or look into that node's log",
			})
		}
		found = append(found, f.queueDrift(&want, q)...)
	}
	return append(f.missingQueues(missing), found...)
}

// queuesByAMQP tells what AMQP tells: of each queue the first difference.
func (f *Facts) queuesByAMQP() (found []Finding) {
	if err := f.Presence.Err; err != nil {
		return notMade("queues", err)
	}
	var missing []string
	for _, want := range f.Topology.Value.Queues {
		if slices.Contains(f.Presence.Value.MissingQueues, want.Name) {
			missing = append(missing, want.Name)
		}
		for _, d := range f.Presence.Value.Drift {
			if d.Kind != "queue" || d.Name != want.Name {
				continue
			}
			depth := f.Presence.Value.Depths[want.Name]
			difference := fmt.Sprintf("%s: want %s, have %s", d.Argument, d.Want, d.Have)
			if routing.Tuning(d.Argument) && d.Have == "none" {
				found = append(found, f.lackingTuning(&want, difference))
			} else {
				found = append(found, f.driftedQueue(&want, depth.Ready, difference))
			}
		}
	}
	if undeclarable := f.Presence.Value.Undeclarable; len(undeclarable) > 0 {
		found = append(found, Finding{
			Severity: NotMade, Subject: enumerated(undeclarable), Message: "not compared with what is wanted, for want of configure permission and of the management API",
		})
	}
	return append(f.missingQueues(missing), found...)
}

func (f *Facts) missingQueues(names []string) []Finding {
	if len(names) == 0 {
		return nil
	}
	message := "missing: what is meant for it is refused, parked or lost"
	if len(names) == len(f.Topology.Value.Queues) {
		message = "missing: nothing has been declared yet"
	}
	return []Finding{{Severity: Error, Subject: enumerated(names), Message: message, Remedy: restart}}
}

// queueDrift compares a queue with what is wanted.
func (f *Facts) queueDrift(want *routing.Queue, q *broker.QueueInfo) []Finding {
	arguments := want.Arguments
	if want.Adopt && q.Type != string(want.Type) && q.Type != string(routing.Stream) {
		arguments = routing.WorkArguments(f.names(), want.Name, routing.QueueType(q.Type), routing.Broker{Version: f.Version})
	}
	differs := append(flagDifferences(q.Durable, q.AutoDelete, q.Exclusive, "exclusive"), argumentDifferences(arguments, q, func(argument string) bool {
		return routing.Tuning(argument) && q.Arguments[argument] == nil
	})...)
	if len(differs) > 0 {
		finding := f.driftedQueue(want, q.Ready+q.Unacked+q.DeadLettering, strings.Join(differs, "; "))
		if want.Role == routing.RoleLadder && q.Ready > 0 {
			finding.Remedy = f.unstick(want, q)
		}
		return []Finding{finding}
	}
	lacks := argumentDifferences(arguments, q, func(argument string) bool { return f.covered(argument, arguments[argument], q) })
	if len(lacks) > 0 {
		return []Finding{f.lackingTuning(want, strings.Join(lacks, "; "))}
	}
	return nil
}

// covered reports whether the lack of a tuning argument makes no difference: a policy says the same, or
// the broker does by itself.
func (f *Facts) covered(argument string, wanted any, q *broker.QueueInfo) bool {
	if policy := q.Effective[strings.TrimPrefix(argument, "x-")]; policy != nil {
		return routing.ArgumentText(policy) == routing.ArgumentText(wanted)
	}
	return argument == routing.ArgDeliveryLimit && routing.ArgumentText(wanted) == routing.ArgumentText(routing.DeliveryLimit) && f.Version.AtLeast(4, 0)
}

// driftedQueue is the finding of a queue that cannot be declared.
func (f *Facts) driftedQueue(want *routing.Queue, messages int, differences string) Finding {
	finding := Finding{
		Severity: Error, Subject: want.Name,
		Message: "differs from what is wanted, and no worker or scheduler starts: " + differences,
		Remedy:  f.deleteQueue(want.Name) + " && " + restart,
	}
	if messages > 0 {
		finding.Remedy = fmt.Sprintf("move or drain its messages (%d), which go with it; then: %s", messages, finding.Remedy)
	}
	if want.Role == routing.RoleWork {
		finding.Subject = f.Where("queues", want.Name)
		if !want.Adopt && strings.Contains(differences, routing.ArgQueueType) {
			finding.Remedy = "type: auto   # in " + f.Where("queues", want.Name, "type") + "; or: " + finding.Remedy
		}
	}
	return finding
}

// lackingTuning is the finding of a queue that works, and lacks what tunes it.
func (f *Facts) lackingTuning(want *routing.Queue, differences string) Finding {
	finding := Finding{Severity: Info, Subject: want.Name, Message: "lacks an argument that is not insisted on: " + differences}
	policy := map[string]any{}
	for argument, value := range want.Arguments {
		if routing.Tuning(argument) && strings.Contains(differences, argument) {
			policy[strings.TrimPrefix(argument, "x-")] = value
		}
	}
	if limit, lacksLimit := policy["delivery-limit"]; lacksLimit && routing.ArgumentText(limit) == "-1" {
		finding.Severity = Warning
		finding.Message += "; before RabbitMQ 4.3 a letter that was looked at 20 times is dropped"
	}
	if len(policy) > 0 {
		finding.Remedy = f.setPolicy(want.Name, policy)
	}
	return finding
}

// argumentDifferences lists the arguments in which a queue differs, but for those that are excused.
func argumentDifferences(wanted routing.Arguments, q *broker.QueueInfo, excused func(argument string) bool) (differs []string) {
	has := map[string]any{routing.ArgQueueType: q.Type} // RabbitMQ takes its lack for it
	maps.Copy(has, q.Arguments)
	for _, d := range wanted.Differences(has) {
		if !excused(d.Argument) {
			differs = append(differs, d.String())
		}
	}
	return differs
}
