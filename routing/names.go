package routing

import (
	"fmt"
	"strings"
)

// DefaultPrefix begins the internal names where nothing else is configured.
const DefaultPrefix = "warren"

// Names gives the internal names of one prefix. The zero value uses [DefaultPrefix].
type Names struct {
	// Prefix begins every internal name. Defaults to [DefaultPrefix].
	Prefix string
}

func (n Names) with(suffix string) string {
	if n.Prefix == "" {
		return DefaultPrefix + "." + suffix
	}
	return n.Prefix + "." + suffix
}

// Tasks is the public entrance for every language: what no queue wants is parked.
func (n Names) Tasks() string { return n.with("tasks") }

// Strict is the Go client's entrance: it has no alternate exchange, so that an unroutable
// `mandatory` task comes back to its publisher.
func (n Names) Strict() string { return n.with("strict") }

// Unrouted is the exchange, and the queue, of parked tasks.
func (n Names) Unrouted() string { return n.with("unrouted") }

// Delayed is the exchange where the delay ladder ends.
func (n Names) Delayed() string { return n.with("delayed") }

// Dead is the exchange of dead letters; its key is the name of the work queue.
func (n Names) Dead() string { return n.with("dead") }

// Control is the stream of revocations, pauses and resumes.
func (n Names) Control() string { return n.with("control") }

// History is the stream of what happened to tasks.
func (n Names) History() string { return n.with("history") }

// Schedule is the stream of the scheduler's ledger.
func (n Names) Schedule() string { return n.with("schedule") }

// Lease is the stream of the schedulers' lease.
func (n Names) Lease() string { return n.with("lease") }

// Reply is the reply queue of one client, which has an ID of its own.
func (n Names) Reply(id string) string { return n.ReplyPrefix() + id }

// ReplyPrefix begins the names of the clients' reply queues, and of nothing else.
func (n Names) ReplyPrefix() string { return n.with("reply.") }

// Internal reports whether a name is one that only Warren itself gives to exchanges, queues and
// streams: whether it begins with the prefix.
func (n Names) Internal(name string) bool { return strings.HasPrefix(name, n.with("")) }

// LadderExchange is the exchange of digit k of the delay ladder, 0 <= k < [LadderDigits].
func (n Names) LadderExchange(k int) string { return n.with(fmt.Sprintf("delay.%02d", k)) }

// LadderQueue is the queue of one digit (1 to 3) at place k of the delay ladder.
func (n Names) LadderQueue(k, digit int) string {
	return n.with(fmt.Sprintf("delay.%02d.%d", k, digit))
}

// DeadQueue is the dead-letter queue of a work queue.
func DeadQueue(queue string) string { return queue + DeadSuffix }
