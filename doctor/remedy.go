package doctor

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/warrenmq/warren/broker"
)

// restart declares whatever is missing.
const restart = "restart a worker or a scheduler: each declares what is missing when it starts"

// quoted quotes a word for a shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// exactly is the pattern that matches one name.
func exactly(name string) string { return "^" + regexp.QuoteMeta(name) + "$" }

// deleteQueue is the command that deletes a queue.
func (f *Facts) deleteQueue(name string) string {
	return fmt.Sprintf("rabbitmqctl delete_queue -p %s %s", quoted(f.Vhost), quoted(name))
}

// deleteExchange is the command that deletes an exchange, which rabbitmqctl cannot.
func (f *Facts) deleteExchange(name string) string {
	if f.ManagementURL == "" {
		return "delete the exchange " + name + " in RabbitMQ's console"
	}
	return fmt.Sprintf("curl -u USER -X DELETE %s", quoted(f.ManagementURL+"/api/exchanges/"+url.PathEscape(f.Vhost)+"/"+url.PathEscape(name)))
}

// setPolicy is the command that sets a policy for one queue.
func (f *Facts) setPolicy(queue string, definition map[string]any) string {
	command, remark := f.settingPolicy(queue, definition)
	return command + remark
}

// settingPolicy is the command that sets a policy for one queue. Of several policies that match a queue only
// one applies, so what the one that does now says is kept; where that is not known a remark, for the end of
// the line, says so.
func (f *Facts) settingPolicy(queue string, definition map[string]any) (command, remark string) {
	set := broker.PolicyInfo{Name: "warren-" + queue, Pattern: exactly(queue), ApplyTo: "queues", Priority: 10, Definition: map[string]any{}}
	if q, exists := f.queue(queue); exists {
		if q.Policy != "" {
			remark = "   # in place of the policy " + q.Policy + ": add what it says, and give a higher priority than its"
		}
		for _, p := range f.Survey.Policies.Value {
			if p.Name != q.Policy {
				continue
			}
			remark = ""
			if p.Pattern == set.Pattern {
				set.Name, set.ApplyTo, set.Priority = p.Name, p.ApplyTo, p.Priority
			} else {
				set.Priority = max(set.Priority, p.Priority+1)
			}
			maps.Copy(set.Definition, p.Definition)
		}
	}
	maps.Copy(set.Definition, definition)
	return f.policyCommand("set_policy", set), remark
}

func (f *Facts) policyCommand(command string, p broker.PolicyInfo) string {
	definition, _ := json.Marshal(p.Definition) // of texts and numbers
	return fmt.Sprintf("rabbitmqctl %s -p %s --priority %d --apply-to %s %s %s %s",
		command, quoted(f.Vhost), p.Priority, p.ApplyTo, quoted(p.Name), quoted(p.Pattern), quoted(string(definition)))
}

// withoutKeys is the command that takes keys out of the policies that apply to a queue: the whole policy
// where it is known to have no others.
func (f *Facts) withoutKeys(q *broker.QueueInfo, keys []string) string {
	var commands []string
	for _, of := range []struct {
		name, set, clear string
		policies         []broker.PolicyInfo
	}{
		{q.Policy, "set_policy", "clear_policy", f.Survey.Policies.Value},
		{q.OperatorPolicy, "set_operator_policy", "clear_operator_policy", f.Survey.Operator.Value},
	} {
		if of.name == "" {
			continue
		}
		for _, p := range of.policies {
			if p.Name != of.name {
				continue
			}
			rest := maps.Clone(p.Definition)
			for _, key := range keys {
				delete(rest, key)
			}
			switch {
			case len(rest) == len(p.Definition): // not this one
			case len(rest) > 0:
				p.Definition = rest
				commands = append(commands, f.policyCommand(of.set, p))
			default:
				commands = append(commands, fmt.Sprintf("rabbitmqctl %s -p %s %s", of.clear, quoted(f.Vhost), quoted(of.name)))
			}
		}
	}
	if len(commands) == 0 {
		slices.Sort(keys)
		return fmt.Sprintf("take %s out of %s", strings.Join(slices.Compact(keys), ", "), policyNames(q))
	}
	return strings.Join(commands, " && ")
}
