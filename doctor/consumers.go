package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/routing"
)

// ackMargin is what an acknowledgement timeout should have beyond a task's: deliveries wait in a
// worker before they run, and handlers may end late.
const ackMargin = 30 * time.Minute

// checkAckTimeouts compares how long tasks may run with how long the broker waits for their
// acknowledgement. From RabbitMQ 4.3 a worker asks for what it needs, and nothing else counts.
func checkAckTimeouts(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	if f.Version.AtLeast(4, 3) {
		return nil // but policies tell of other consumers
	}
	for _, queue := range f.Queues {
		limit, by, certain := f.ackTimeout(queue.Name)
		if queue.Timeout < limit {
			continue
		}
		needed := queue.Timeout + ackMargin
		finding := Finding{
			Severity: Error, Subject: f.Where("queues", queue.Name, "timeout"),
			Message: fmt.Sprintf("a task may run for %s, and RabbitMQ takes it back after %s (%s): it is given out again while it still runs", short(queue.Timeout), short(limit), by),
			Remedy:  f.setPolicy(queue.Name, map[string]any{"consumer-timeout": needed.Milliseconds()}),
		}
		if !f.Version.AtLeast(3, 12) {
			finding.Remedy = fmt.Sprintf("consumer_timeout = %d   # in rabbitmq.conf, then restart the node and give --ack-timeout %s", needed.Milliseconds(), short(needed))
		}
		if !certain {
			finding.Severity = Warning
		}
		found = append(found, finding)
	}
	if f.Survey.Queues.Err != nil && f.Version.AtLeast(3, 12) {
		found = append(found, notMade("acknowledgement timeouts by policy", f.Survey.Queues.Err)...)
	}
	return found
}

// ackTimeout is how long RabbitMQ before 4.3 waits for an acknowledgement in a queue, and by whose word;
// certain is false where that is only its default.
func (f *Facts) ackTimeout(queue string) (limit time.Duration, by string, certain bool) {
	if q, exists := f.queue(queue); exists && f.Version.AtLeast(3, 12) {
		for _, value := range []any{q.Arguments["x-consumer-timeout"], q.Effective["consumer-timeout"]} {
			if ms := number(value); ms > 0 && (limit == 0 || time.Duration(ms)*time.Millisecond < limit) {
				limit = time.Duration(ms) * time.Millisecond
			}
		}
		if limit > 0 {
			return limit, "by its policy or argument consumer-timeout", true
		}
	}
	if f.AckTimeout > 0 {
		return f.AckTimeout, "its consumer_timeout, as given with --ack-timeout", true
	}
	return DefaultAckTimeout, "its default consumer_timeout; tell another with --ack-timeout", false
}

// checkConsumers tells of work queues without a consumer, of consumers that do not acknowledge, and of
// consumers of several users.
func checkConsumers(f *Facts) (found []Finding) {
	if f.Survey.Queues.Err != nil && f.Presence.Err != nil {
		return notMade("consumers", f.Presence.Err)
	}
	users := map[string]bool{}
	for _, queue := range f.Queues {
		ready, consumers, known := f.state(queue.Name)
		if known && consumers == 0 {
			found = append(found, f.consumerless(queue.Name, ready))
		}
		for _, c := range f.Survey.Consumers.Value {
			if c.Queue != queue.Name {
				continue
			}
			if c.User != "" {
				users[c.User] = true
			}
			if !c.Acknowledges {
				found = append(found, Finding{
					Severity: Error, Subject: queue.Name,
					Message: fmt.Sprintf("the consumer of %s does not acknowledge (noAck): what it takes is lost when it fails", orNone(c.Connection)),
					Remedy:  "stop it; a worker consumes with acknowledgements",
				})
			}
		}
	}
	if len(users) > 1 {
		found = append(found, severalUsers(users))
	}
	return found
}

// consumerless is the finding of a queue without a consumer.
func (f *Facts) consumerless(queue string, ready int) Finding {
	finding := Finding{
		Severity: Warning, Subject: f.Where("queues", queue), Message: "no consumer: its tasks wait",
		Remedy: "worker -c " + quoted(f.File) + " --queue " + queue,
	}
	if by, paused := f.Paused.Value[queue]; paused {
		finding.Severity, finding.Message, finding.Remedy = Info, "paused by "+orNone(by), "warren resume "+queue
	} else if f.Paused.Err != nil {
		finding.Message = "no consumer: its tasks wait, unless it is paused on purpose, which is not known: " + f.Paused.Err.Error()
	}
	if ready > 0 {
		finding.Message += fmt.Sprintf(" (%d ready)", ready)
	}
	return finding
}

// severalUsers is the finding of queues that several users consume.
func severalUsers(users map[string]bool) Finding {
	var names []string
	for user := range users {
		names = append(names, user)
	}
	slices.Sort(names)
	return Finding{
		Severity: Info, Subject: strings.Join(names, ", "),
		Message: "workers of several users: who enqueued a task that another user's worker has sent on is not told",
		Remedy:  "one user for all workers of a virtual host",
	}
}

// checkLetters counts what is dead and what is parked.
func checkLetters(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	for _, want := range f.Topology.Value.Queues {
		ready, _, _ := f.state(want.Name)
		switch {
		case ready == 0:
		case want.Role == routing.RoleDead:
			queue := strings.TrimSuffix(want.Name, routing.DeadSuffix)
			found = append(found, Finding{
				Severity: Info, Subject: want.Name, Message: counted(ready, "dead letter"), Remedy: "warren dead groups " + queue,
			})
		case want.Role == routing.RoleUnrouted:
			found = append(found, Finding{
				Severity: Info, Subject: want.Name, Message: counted(ready, "parked task") + ", which no queue wanted", Remedy: "warren dead groups --unrouted",
			})
		}
	}
	return found
}

// checkLeftBehind tells of work queues of Warren's that are not in this configuration.
func checkLeftBehind(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	wanted := map[string]bool{}
	for _, q := range f.wanted() {
		wanted[q.Name] = true
	}
	for i := range f.Survey.Queues.Value {
		q := &f.Survey.Queues.Value[i]
		if wanted[q.Name] || q.Arguments[routing.ArgDeadLetterExchange] != f.names().Dead() {
			continue
		}
		finding := Finding{
			Severity: Info, Subject: q.Name, Message: "a work queue that is not in this configuration, with " + counted(q.Ready, "task"),
			Remedy: f.deleteQueue(q.Name) + "   # and " + routing.DeadQueue(q.Name) + ", unless it is another configuration's",
		}
		if q.Ready+q.Unacked > 0 {
			finding.Remedy = "move or drain its tasks, which go with it; then: " + finding.Remedy
		}
		if q.Consumers == 0 && q.Ready > 0 {
			finding.Severity = Warning
			finding.Message += " and no consumer"
		}
		found = append(found, finding)
	}
	return found
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// short is a duration without the units that are zero at its end.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
