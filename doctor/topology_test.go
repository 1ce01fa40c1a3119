package doctor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// What can be wrong with exchanges, queues, bindings, policies, streams and who consumes.
func TestExamineTopology(t *testing.T) {
	for name, test := range map[string]examineCase{
		"exchange missing": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Exchanges.Value = slices.DeleteFunc(f.Survey.Exchanges.Value, func(e broker.ExchangeInfo) bool { return e.Name == "warren.dead" })
			},
			check: "exchanges", severity: Error, subject: "warren.dead", says: "missing", remedy: "restart a worker",
		},
		"exchange of another type": {
			change: func(_ *testing.T, f *Facts) { f.Survey.Exchanges.Value[1].Type = "direct" },
			check:  "exchanges", severity: Error, subject: "warren.tasks", says: "type: want topic, have direct",
			remedy: "curl -u USER -X DELETE 'http://127.0.0.1:15672/api/exchanges/prod/warren.tasks'",
		},
		"exchange without its alternate": {
			change: func(_ *testing.T, f *Facts) { f.Survey.Exchanges.Value[1].Arguments = nil },
			check:  "exchanges", severity: Error, subject: "warren.tasks", says: "alternate-exchange: want warren.unrouted, have none", remedy: "curl",
		},
		"queue missing": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Queues.Value = slices.DeleteFunc(f.Survey.Queues.Value, func(q broker.QueueInfo) bool { return q.Name == "email.dead" })
			},
			check: "queues", severity: Error, subject: "email.dead", says: "missing", remedy: "restart a worker",
		},
		"queue down": {
			change: func(t *testing.T, f *Facts) { f.edit(t, "bulk").State = "down" },
			check:  "queues", severity: Error, subject: "bulk", says: "state is down", remedy: "start the node",
		},
		"queue drift": {
			change: func(t *testing.T, f *Facts) {
				q := f.edit(t, "email")
				q.Arguments["x-delivery-limit"], q.Arguments["x-max-length"], q.Ready = 5, 10, 3
			},
			check: "queues", severity: Error, subject: "warren.yaml:7: queues.email", says: "x-delivery-limit: want 20, have 5; x-max-length: want none, have 10",
			remedy: "move or drain its messages (3), which go with it; then: rabbitmqctl delete_queue -p 'prod' 'email' && restart",
		},
		"queue of another type": {
			change: func(t *testing.T, f *Facts) {
				q := f.edit(t, "email")
				q.Type, q.Arguments = "classic", f.edit(t, "bulk").Arguments
				q.Arguments = map[string]any{"x-queue-type": "classic", "x-max-priority": 9, "x-dead-letter-exchange": "warren.dead", "x-dead-letter-routing-key": "email"}
			},
			check: "queues", severity: Error, subject: "queues.email", says: "x-queue-type: want quorum, have classic", remedy: "type: auto   # in warren.yaml:7: queues.email.type",
		},
		"letters with the default limit": {
			version: routing.Version{Major: 4, Minor: 1},
			change:  func(t *testing.T, f *Facts) { delete(f.edit(t, "email.dead").Arguments, "x-delivery-limit") },
			check:   "queues", severity: Warning, subject: "email.dead", says: "looked at 20 times is dropped",
			remedy: `rabbitmqctl set_policy -p 'prod' --priority 10 --apply-to queues 'warren-email.dead' '^email\.dead$' '{"delivery-limit":-1}'`,
		},
		"queue without tuning": {
			change: func(t *testing.T, f *Facts) { delete(f.edit(t, "email").Arguments, "x-consumer-disconnected-timeout") },
			check:  "queues", severity: Info, subject: "email", says: "x-consumer-disconnected-timeout: want 10000, have none", remedy: `"consumer-disconnected-timeout":10000`,
		},
		"unbound": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Bindings.Value = slices.DeleteFunc(f.Survey.Bindings.Value, func(b broker.BindingInfo) bool { return b.Destination == "email" })
			},
			check: "bindings", severity: Error, subject: "email", says: `unbound: nothing reaches it; not bound to warren.tasks with "email.#", warren.strict`, remedy: "restart",
		},
		"a binding missing": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Bindings.Value = slices.DeleteFunc(f.Survey.Bindings.Value, func(b broker.BindingInfo) bool {
					return b.Destination == "email" && b.Source == "warren.strict"
				})
			},
			check: "bindings", severity: Error, subject: "email", says: `not bound to warren.strict with "email.#"`, remedy: "restart",
		},
		"stale binding": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Bindings.Value = append(f.Survey.Bindings.Value, broker.BindingInfo{Binding: routing.Binding{Source: "warren.tasks", Destination: "email", Key: "mail.#"}})
			},
			check: "stale-bindings", severity: Warning, subject: "email", says: `warren.tasks with "mail.#", which no route`, remedy: "warren routes prune",
		},
		"another's binding": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Bindings.Value = append(f.Survey.Bindings.Value, broker.BindingInfo{Binding: routing.Binding{Source: "warren.tasks", Destination: "audit", Key: "#"}})
			},
			check: "stale-bindings", severity: Info, subject: "audit", says: `not in this configuration`, remedy: "--others",
		},
		"a binding with arguments": {
			change: func(_ *testing.T, f *Facts) {
				b := f.Survey.Bindings.Value[0]
				b.Arguments = map[string]any{"x": "y"}
				f.Survey.Bindings.Value = append(f.Survey.Bindings.Value, b)
			},
			check: "stale-bindings", severity: Info, says: `with arguments, as Warren never does`, remedy: "console",
		},
		"max-length by policy": {
			change: func(t *testing.T, f *Facts) {
				f.policy(t, "email", "cap", map[string]any{"max-length": 5, "delivery-limit": 20})
			},
			check: "policies", severity: Error, subject: "email", says: "the policy cap sets max-length to 5: once it is full, tasks are refused, and the ladder stalls",
			remedy: `rabbitmqctl set_policy -p 'prod' --priority 3 --apply-to queues 'cap' '^e' '{"delivery-limit":20}'`,
		},
		"max-length on a classic queue": {
			change: func(t *testing.T, f *Facts) { f.policy(t, "bulk", "cap", map[string]any{"max-length-bytes": 5}) },
			check:  "policies", severity: Error, subject: "bulk", says: "dropped from it into bulk.dead", remedy: "rabbitmqctl clear_policy -p 'prod' 'cap'",
		},
		"max-length by operator policy": {
			change: func(t *testing.T, f *Facts) {
				q := f.edit(t, "email.dead")
				q.OperatorPolicy, q.Effective = "cap", map[string]any{"max-length": 5}
				f.Survey.Operator.Value = []broker.PolicyInfo{{Name: "cap", Definition: q.Effective}}
			},
			check: "policies", severity: Error, subject: "email.dead", says: "the operator policy cap sets max-length to 5: once it is full, the oldest messages are lost",
			remedy: "rabbitmqctl clear_operator_policy -p 'prod' 'cap'",
		},
		"a policy that nobody tells": {
			change: func(t *testing.T, f *Facts) {
				f.policy(t, "email", "cap", map[string]any{"max-length": 5, "delivery-limit": 20})
				f.Survey.Policies = broker.Answer[[]broker.PolicyInfo]{Err: broker.ErrNoManagement}
			},
			check: "policies", severity: Error, subject: "email", says: "the policy cap sets max-length to 5", remedy: "take max-length out of the policy cap",
		},
		"a retention beside a policy that nobody tells": {
			change: func(t *testing.T, f *Facts) {
				f.policy(t, "warren.history", "keep", map[string]any{"max-age": "1D"})
				f.Survey.Policies = broker.Answer[[]broker.PolicyInfo]{Err: broker.ErrNoManagement}
			},
			check: "streams", severity: Warning, subject: "history", says: "have 1D", remedy: "   # in place of the policy keep: add what it says",
		},
		"TTL of tasks": {
			change: func(t *testing.T, f *Facts) { f.policy(t, "email", "ttl", map[string]any{"message-ttl": 60000}) },
			check:  "policies", severity: Error, subject: "email", says: "dead letters (expired)", remedy: "clear_policy -p 'prod' 'ttl'",
		},
		"TTL of the ladder": {
			change: func(t *testing.T, f *Facts) {
				f.policy(t, "warren.delay.03.1", "ttl", map[string]any{"message-ttl": 60})
				f.policy(t, "warren.delay.00.1", "ttl", map[string]any{"message-ttl": 60000})
			},
			check: "policies", severity: Error, subject: "warren.delay.03.1", says: "too early", remedy: "clear_policy",
		},
		"expiring queue": {
			change: func(t *testing.T, f *Facts) { f.policy(t, "email", "tidy", map[string]any{"expires": 60000}) },
			check:  "policies", severity: Error, subject: "email", says: "deletes the queue", remedy: "clear_policy",
		},
		"no limit before 4.0": {
			version: middle,
			change: func(t *testing.T, f *Facts) {
				f.policy(t, "email.dead", "letters", map[string]any{"delivery-limit": -1})
			},
			check: "policies", severity: Error, subject: "email.dead", says: "at its first return", remedy: "clear_policy",
		},
		"consumer-timeout from 4.3": {
			change: func(t *testing.T, f *Facts) { f.policy(t, "email", "slow", map[string]any{"consumer-timeout": 30000}) },
			check:  "policies", severity: Info, subject: "email", says: "below the 1m that a task may run", remedy: "clear_policy",
		},
		"stream missing": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Queues.Value = slices.DeleteFunc(f.Survey.Queues.Value, func(q broker.QueueInfo) bool { return q.Name == "warren.history" })
			},
			check: "streams", severity: Error, subject: "warren.history", says: "nothing of what happens to tasks is kept", remedy: "restart",
		},
		"stream of another kind": {
			change: func(t *testing.T, f *Facts) { f.edit(t, "warren.control").Type = "classic" },
			check:  "streams", severity: Error, subject: "warren.control", says: "want stream, have classic", remedy: "delete_queue -p 'prod' 'warren.control'",
		},
		"another retention": {
			change: func(t *testing.T, f *Facts) { f.edit(t, "warren.history").Arguments["x-max-age"] = "1D" },
			check:  "streams", severity: Warning, subject: "warren.yaml:7: history", says: "x-max-age: want 604800s, have 1D",
			remedy: `'warren-warren.history' '^warren\.history$' '{"max-age":"604800s","max-length-bytes":1073741824}'`,
		},
		"level that is not relieved": {
			change: func(_ *testing.T, f *Facts) { f.Still = map[string]int{"warren.delay.03.1": 4} },
			check:  "ladder", severity: Error, subject: "warren.delay.03.1", says: "4 messages, held for 6.4s, and warren.delay.02 does not take them", remedy: "mend",
		},
		"timeout, by default": {
			version: old,
			change:  func(_ *testing.T, f *Facts) { f.Queues[0].Timeout = 2 * time.Hour },
			check:   "ack-timeouts", severity: Warning, subject: "warren.yaml:7: queues.email.timeout", says: "may run for 2h, and RabbitMQ takes it back after 30m (its default",
			remedy: "consumer_timeout = 9000000   # in rabbitmq.conf, then restart the node and give --ack-timeout 2h30m",
		},
		"timeout, as told": {
			version: old,
			change:  func(_ *testing.T, f *Facts) { f.Queues[0].Timeout, f.AckTimeout = 2*time.Hour, time.Hour },
			check:   "ack-timeouts", severity: Error, subject: "queues.email.timeout", says: "after 1h", remedy: "consumer_timeout",
		},
		"timeout, by policy": {
			version: middle,
			change:  func(t *testing.T, f *Facts) { f.policy(t, "email", "slow", map[string]any{"consumer-timeout": 30000}) },
			check:   "ack-timeouts", severity: Error, subject: "queues.email.timeout", says: "after 30s",
			remedy: `--priority 10 --apply-to queues 'warren-email' '^email$' '{"consumer-timeout":1860000}'`,
		},
		"no consumer": {
			change: func(t *testing.T, f *Facts) { q := f.edit(t, "bulk"); q.Consumers, q.Ready = 0, 2 },
			check:  "consumers", severity: Warning, subject: "warren.yaml:7: queues.bulk", says: "no consumer: its tasks wait (2 ready)", remedy: "worker -c 'warren.yaml' --queue bulk",
		},
		"paused": {
			change: func(t *testing.T, f *Facts) {
				f.edit(t, "bulk").Consumers, f.Paused.Value = 0, map[string]string{"bulk": "bob"}
			},
			check: "consumers", severity: Info, subject: "queues.bulk", says: "paused by bob", remedy: "warren resume bulk",
		},
		"no consumer, and perhaps paused": {
			change: func(t *testing.T, f *Facts) { f.edit(t, "bulk").Consumers, f.Paused.Err = 0, broker.ErrRefused },
			check:  "consumers", severity: Warning, subject: "queues.bulk", says: "unless it is paused on purpose, which is not known: " + broker.ErrRefused.Error(), remedy: "worker",
		},
		"consumer without acknowledgements": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Consumers.Value = []broker.ConsumerInfo{{Queue: "email", Connection: "10.0.0.1:1", User: "u"}}
			},
			check: "consumers", severity: Error, subject: "email", says: "10.0.0.1:1 does not acknowledge", remedy: "stop it",
		},
		"several users": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Consumers.Value = []broker.ConsumerInfo{{Queue: "email", User: "v", Acknowledges: true}, {Queue: "email", User: "u", Acknowledges: true}}
			},
			check: "consumers", severity: Info, subject: "u, v", says: "workers of several users", remedy: "one user",
		},
		"dead letters": {
			change: func(t *testing.T, f *Facts) { f.edit(t, "email.dead").Ready = 1 },
			check:  "letters", severity: Info, subject: "email.dead", says: "1 dead letter", remedy: "warren dead groups email",
		},
		"parked tasks": {
			change: func(t *testing.T, f *Facts) { f.edit(t, "warren.unrouted").Ready = 2 },
			check:  "letters", severity: Info, subject: "warren.unrouted", says: "2 parked tasks", remedy: "warren dead groups --unrouted",
		},
		"left behind": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Queues.Value = append(f.Survey.Queues.Value, broker.QueueInfo{Name: "old", Ready: 3, Arguments: map[string]any{"x-dead-letter-exchange": "warren.dead"}})
			},
			check: "left-behind", severity: Warning, subject: "old", says: "3 tasks and no consumer",
			remedy: "move or drain its tasks, which go with it; then: rabbitmqctl delete_queue -p 'prod' 'old'",
		},
	} {
		t.Run(name, test.run)
	}
}

// A consumer that has just come is known before the queue's numbers tell of it.
func TestYoungConsumer(t *testing.T) {
	f := healthy(t, newest)
	f.edit(t, "bulk").Consumers = 0
	require.True(t, f.Consumerless())
	f.Survey.Consumers.Value = []broker.ConsumerInfo{{Queue: "bulk", User: "u", Acknowledges: true}}
	assert.False(t, f.Consumerless())
	assert.Empty(t, Examine(f))
}

// What an auto queue of the other type lacks is compared with that type's arguments.
func TestAdoptedQueue(t *testing.T) {
	f := healthy(t, newest)
	f.Spec.Queues[0].Type = routing.Auto
	f.build()
	q := f.edit(t, "email")
	q.Type = "classic"
	q.Arguments = map[string]any{"x-max-priority": 9, "x-dead-letter-exchange": "warren.dead", "x-dead-letter-routing-key": "email"}
	assert.Empty(t, Examine(f), "x-queue-type may be absent")
	q.Arguments["x-max-priority"] = 10
	require.Len(t, Examine(f), 1)
}

// Retentions that mean the same are the same, and a policy's is worth more than an argument's.
func TestRetention(t *testing.T) {
	f := healthy(t, newest)
	f.edit(t, "warren.history").Arguments["x-max-age"] = "7D"
	assert.Empty(t, Examine(f))
	f.edit(t, "warren.history").Arguments["x-max-age"] = "1D"
	f.policy(t, "warren.history", "keep", map[string]any{"max-age": "168h"})
	assert.Empty(t, Examine(f))
	for _, text := range []string{"", "D", "7", "7d", "none"} {
		_, err := streamAge(text)
		assert.Error(t, err, text)
	}
}

// A level without a TTL that holds something is stuck; the remedy rejects its messages on, and those that have
// come since they were counted.
func TestLevelWithoutTTL(t *testing.T) {
	f := healthy(t, newest)
	q := f.edit(t, "warren.delay.03.1")
	delete(q.Arguments, "x-message-ttl")
	delete(q.Arguments, "x-dead-letter-exchange")
	q.Ready = 2
	found := Examine(f)
	require.Len(t, found, 2, "it is drift too")
	assert.Equal(t, []string{"queues", "ladder"}, []string{found[0].Check, found[1].Check})
	assert.Contains(t, found[1].Message, "2 messages, held for longer than 6.4s, since the queue has x-message-ttl none")
	assert.Regexp(t, `^rabbitmqctl set_policy .*"dead-letter-exchange":"warren.delay.02".* && curl -u USER .*"count": 10002, .*/api/queues/prod/warren.delay.03.1/get' && rabbitmqctl delete_queue`, found[1].Remedy)
}

// All harmful keys of a policy are taken out at once, whichever finding's remedy is carried out.
func TestPolicyRemediesDoNotUndoEachOther(t *testing.T) {
	f := healthy(t, newest)
	f.policy(t, "email", "all", map[string]any{"max-length": 5, "message-ttl": 5, "overflow": "drop-head"})
	found := Examine(f)
	require.Len(t, found, 2)
	assert.Equal(t, found[0].Remedy, found[1].Remedy)
	assert.True(t, strings.HasSuffix(found[0].Remedy, `'{"overflow":"drop-head"}'`), found[0].Remedy)
}

// What `warren routes prune` removes by source, destination and key is nothing that is wanted: a binding with
// arguments may be beside one that is, and removing the one would remove the other.
func TestStaleBindingsWithArguments(t *testing.T) {
	f := healthy(t, newest)
	twin := f.Survey.Bindings.Value[0]
	twin.Arguments = map[string]any{"x": "y"}
	ours, others, foreign := StaleBindings(&f.Topology.Value, append(f.Survey.Bindings.Value, twin))
	assert.Empty(t, ours)
	assert.Empty(t, others)
	assert.Equal(t, []routing.Binding{twin.Binding}, foreign)
}
