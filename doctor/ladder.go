package doctor

import (
	"fmt"
	"net/url"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// checkLadder tells of levels of the delay ladder whose messages do not go on: those of a queue that
// does not expire its messages as it should, and those that have expired and that the next exchange
// has not taken.
func checkLadder(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	if err := f.Survey.Queues.Err; err != nil {
		return notMade("ladder", err)
	}
	for _, want := range f.Topology.Value.Queues {
		q, exists := f.queue(want.Name)
		if !exists || want.Role != routing.RoleLadder {
			continue
		}
		wanted, has := number(want.Arguments[routing.ArgMessageTTL]), number(q.Arguments[routing.ArgMessageTTL])
		next, _ := want.Arguments[routing.ArgDeadLetterExchange].(string)
		held := time.Duration(wanted) * time.Millisecond
		if q.Ready > 0 && (has == 0 || has > wanted) {
			found = append(found, Finding{
				Severity: Error, Subject: q.Name,
				Message: fmt.Sprintf("stuck: %s, held for longer than %s, since the queue has x-message-ttl %s", counted(q.Ready, "message"), short(held), routing.ArgumentText(q.Arguments[routing.ArgMessageTTL])),
				Remedy:  f.unstick(&want, q),
			})
		}
		if f.Still[q.Name] > 0 {
			found = append(found, Finding{
				Severity: Error, Subject: q.Name,
				Message: fmt.Sprintf("stuck: %s, held for %s, and %s does not take them: it is missing, not bound, or a queue behind it is full",
					counted(f.Still[q.Name], "message"), short(held), next),
				Remedy: "mend what is told of " + next + " and of the queues behind it; RabbitMQ then tries again, within 3 minutes",
			})
		}
	}
	return found
}

// latecomers is how many messages more than were counted are sent on: the count is up to 5 s old, and what is
// left in a queue goes with it.
const latecomers = 10_000

// unstick is the command that sends the messages of a ladder queue on, as if they had expired, and
// deletes the queue.
func (f *Facts) unstick(want *routing.Queue, q *broker.QueueInfo) string {
	next, _ := want.Arguments[routing.ArgDeadLetterExchange].(string)
	if f.ManagementURL == "" {
		return "reject its messages without requeue, so that they go on to " + next
	}
	command := fmt.Sprintf(`curl -u USER -H 'content-type: application/json' -d '{"count": %d, "ackmode": "reject_requeue_false", "encoding": "auto", "truncate": 1}' %s && %s`,
		q.Ready+latecomers, quoted(f.ManagementURL+"/api/queues/"+url.PathEscape(f.Vhost)+"/"+url.PathEscape(q.Name)+"/get"), f.deleteQueue(q.Name))
	remark := ""
	if q.Arguments[routing.ArgDeadLetterExchange] == nil {
		var policy string
		policy, remark = f.settingPolicy(q.Name, map[string]any{"dead-letter-exchange": next})
		command = policy + " && " + command
	}
	return command + " && " + restart + remark
}

// suspects are the ladder queues that had given up messages which the next exchange had not taken: for
// moments that is so under load too.
func (f *Facts) suspects() (names []string) {
	if f.Topology.Err != nil {
		return nil
	}
	for _, want := range f.Topology.Value.Queues {
		if q, exists := f.queue(want.Name); exists && want.Role == routing.RoleLadder && q.DeadLettering > 0 {
			names = append(names, q.Name)
		}
	}
	return names
}
