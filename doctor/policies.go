package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// checkPolicies tells of policies, operator policies among them, that make a queue lose, refuse or end
// what it should keep. Arguments win over policies but for limits, of which the lower counts; so a key
// that an argument sets is harmless, unless it is a limit.
func checkPolicies(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	if err := f.Survey.Queues.Err; err != nil {
		return notMade("policies", err)
	}
	type judgement struct {
		q       *broker.QueueInfo
		finding Finding
	}
	var judged []judgement
	harmful := map[string][]string{} // the keys to be taken out, by policy
	for _, want := range f.Topology.Value.Queues {
		q, exists := f.queue(want.Name)
		if !exists {
			continue
		}
		for _, rule := range policyRules {
			value, set := q.Effective[rule.key]
			if !set {
				continue
			}
			severity, effect := rule.judge(f, &want, q)
			if severity == "" {
				continue
			}
			harmful[q.Policy] = append(harmful[q.Policy], rule.key)
			harmful["operator "+q.OperatorPolicy] = append(harmful["operator "+q.OperatorPolicy], rule.key)
			judged = append(judged, judgement{q, Finding{
				Severity: severity, Subject: want.Name,
				Message: fmt.Sprintf("%s sets %s to %s: %s", policyNames(q), rule.key, routing.ArgumentText(value), effect),
			}})
		}
	}
	for _, j := range judged {
		// all at once: a policy is set as a whole
		j.finding.Remedy = f.withoutKeys(j.q, slices.Concat(harmful[j.q.Policy], harmful["operator "+j.q.OperatorPolicy]))
		found = append(found, j.finding)
	}
	return found
}

// policyNames names the policies that apply to a queue.
func policyNames(q *broker.QueueInfo) string {
	var names []string
	if q.Policy != "" {
		names = append(names, "the policy "+q.Policy)
	}
	if q.OperatorPolicy != "" {
		names = append(names, "the operator policy "+q.OperatorPolicy)
	}
	return strings.Join(names, " or ")
}

// policyRule judges one key of a policy.
type policyRule struct {
	key string
	// judge says what comes of it; an empty severity: nothing.
	judge func(f *Facts, want *routing.Queue, q *broker.QueueInfo) (Severity, string)
}

var policyRules = []policyRule{
	{"max-length", judgeLength},
	{"max-length-bytes", judgeLength},
	{"message-ttl", judgeTTL},
	{"expires", func(*Facts, *routing.Queue, *broker.QueueInfo) (Severity, string) {
		return Error, "RabbitMQ deletes the queue, with what is in it, when nobody has used it for that time"
	}},
	{"delivery-limit", judgeDeliveryLimit},
	{"dead-letter-exchange", judgeDeadLettering},
	{"dead-letter-strategy", judgeStrategy},
	{"consumer-timeout", judgeConsumerTimeout},
}

// judgeLength judges a maximal length. Ours have none.
func judgeLength(_ *Facts, want *routing.Queue, q *broker.QueueInfo) (Severity, string) {
	overflow, _ := q.Arguments[routing.ArgOverflow].(string)
	if overflow == "" {
		overflow, _ = q.Effective["overflow"].(string)
	}
	refuses := overflow == "reject-publish" || overflow == "reject-publish-dlx" && q.Type == string(routing.Classic)
	switch {
	case refuses && want.Role == routing.RoleLadder:
		return Error, "once it is full, delays of this length are refused, and the ladder above it stalls"
	case refuses:
		return Error, "once it is full, tasks are refused, and the ladder stalls: delayed tasks and retries for other queues wait behind those for this one"
	case want.Role == routing.RoleWork:
		return Error, "once it is full, the oldest tasks are dropped from it into " + routing.DeadQueue(want.Name) + ", not run"
	default:
		return Error, "once it is full, the oldest messages are lost"
	}
}

// judgeTTL judges a time to live. Only ladder queues have one.
func judgeTTL(_ *Facts, want *routing.Queue, q *broker.QueueInfo) (Severity, string) {
	switch want.Role {
	case routing.RoleLadder:
		if number(q.Effective["message-ttl"]) >= number(q.Arguments[routing.ArgMessageTTL]) {
			return "", ""
		}
		return Error, "the lower of the two counts: what is delayed comes too early"
	case routing.RoleWork:
		return Error, "tasks that wait longer are dead letters (expired) without having run"
	default:
		return Warning, "what lies there longer is lost"
	}
}

// judgeDeliveryLimit judges a delivery limit, which only quorum queues have.
func judgeDeliveryLimit(f *Facts, want *routing.Queue, q *broker.QueueInfo) (Severity, string) {
	limit := number(q.Effective["delivery-limit"])
	rests := want.Role == routing.RoleDead || want.Role == routing.RoleUnrouted
	switch {
	case q.Type != string(routing.Quorum):
	case limit < 0 && !f.Version.AtLeast(4, 0):
		return Error, "before RabbitMQ 4.0 a limit of -1 drops a message at its first return"
	case limit >= 0 && rests && !f.Version.AtLeast(4, 3):
		return Warning, "a letter that was looked at as often is dropped, and `warren dead` refuses to look"
	case limit >= 0 && limit < routing.DeliveryLimit && want.Role == routing.RoleWork:
		return Warning, fmt.Sprintf("tasks that come back as often, as they do when their workers crash or stop, are dead letters before the limit of %d", routing.DeliveryLimit)
	}
	return "", ""
}

// judgeDeadLettering judges a dead-letter exchange where an argument names none.
func judgeDeadLettering(_ *Facts, want *routing.Queue, q *broker.QueueInfo) (Severity, string) {
	if q.Arguments[routing.ArgDeadLetterExchange] != nil || want.Role == routing.RoleWork || want.Role == routing.RoleLadder {
		return "", ""
	}
	return Info, "what is rejected or expires there goes to that exchange"
}

// judgeStrategy judges a dead-letter strategy where no argument sets one.
func judgeStrategy(_ *Facts, want *routing.Queue, q *broker.QueueInfo) (Severity, string) {
	if q.Arguments[routing.ArgDeadLetterStrategy] != nil || q.Effective["dead-letter-strategy"] != "at-most-once" || q.Type != string(routing.Quorum) {
		return "", ""
	}
	if want.Role != routing.RoleWork && want.Role != routing.RoleLadder {
		return "", ""
	}
	return Warning, "what RabbitMQ itself dead-letters may be lost on the way"
}

// judgeConsumerTimeout judges an acknowledgement timeout where workers ask for their own, from RabbitMQ
// 4.3; before, the check of the acknowledgement timeouts does.
func judgeConsumerTimeout(f *Facts, want *routing.Queue, q *broker.QueueInfo) (Severity, string) {
	limit := time.Duration(number(q.Effective["consumer-timeout"])) * time.Millisecond
	for _, queue := range f.Queues {
		if queue.Name == want.Name && f.Version.AtLeast(4, 3) && limit > 0 && limit <= queue.Timeout {
			return Info, fmt.Sprintf("below the %s that a task may run: workers ask for more, and that counts; any other consumer loses its deliveries",
				short(queue.Timeout))
		}
	}
	return "", ""
}

// number is a whole number of an argument or a policy, 0 where it is none.
func number(value any) int64 {
	var n int64
	_, _ = fmt.Sscan(routing.ArgumentText(value), &n)
	return n
}
