package deadletter

import (
	"time"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// death is one entry of RabbitMQ's x-death header.
type death struct {
	queue  string
	reason tasks.Reason
	at     time.Time
	key    string // the original routing key
}

// brokerReasons are RabbitMQ's words where they are not ours.
var brokerReasons = map[string]tasks.Reason{
	"maxlen":         tasks.ReasonOverflow,
	"delivery_limit": tasks.ReasonDeliveryLimit,
}

// newestDeath returns the death that made the message a letter of a work queue. The second result
// is false where RabbitMQ did not make it.
//
// x-death has an entry for each queue that ever dead-lettered the message, the newest first, and
// with them those of the delay ladder, where the death is but a hop. What counts is the entry of the
// work queue; of another one only where the letter came to a dead-letter queue from a queue that is
// not Warren's. In the unrouted queue, which has no work queue, RabbitMQ left the name in the
// routing key: that is the key of the work queues' dead-letter exchange.
func newestDeath(m *tasks.Message, queue string) (death, bool) {
	list, _ := m.Headers["x-death"].([]any)
	wanted := queue
	if wanted == "" {
		wanted = m.RoutingKey
	}
	for _, item := range list {
		if d, ok := readDeath(item); ok && d.queue == wanted {
			return d, true
		}
	}
	if queue == "" || len(list) == 0 || m.Headers[tasks.HeaderDeadReason] != nil {
		return death{}, false
	}
	return readDeath(list[0])
}

// readDeath reads one entry. The second result is false where it tells no reason.
func readDeath(item any) (death, bool) {
	table, _ := item.(map[string]any)
	reason := text(table["reason"])
	d := death{queue: text(table["queue"]), reason: tasks.Reason(reason)}
	if ours, known := brokerReasons[reason]; known {
		d.reason = ours
	}
	at, _ := table["time"].(time.Time)
	d.at = sayable(at)
	if keys, _ := table["routing-keys"].([]any); len(keys) > 0 { // CC and BCC follow the first
		d.key = text(keys[0])
		if original, laddered := routing.OriginalKey(d.key); laddered {
			d.key = original
		}
	}
	return d, reason != ""
}
