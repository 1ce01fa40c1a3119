package doctor

import (
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// Role is what a user of the broker does, and so which permissions it needs.
type Role string

// The roles.
const (
	Worker    Role = "worker"
	Scheduler Role = "scheduler"
	Operator  Role = "operator"
)

// Roles are all roles.
var Roles = []Role{Worker, Scheduler, Operator}

// DefaultAckTimeout is RabbitMQ's own acknowledgement timeout (consumer_timeout).
const DefaultAckTimeout = 30 * time.Minute

// Setup is what is wanted of the broker.
type Setup struct {
	// File is the configuration as it was named.
	File   string
	Spec   routing.Spec
	Queues []Queue
	// URLs are those of broker.urls, with their credentials, which no finding shows; Management is that of
	// broker.management.
	URLs       []string
	Management string
	// Roles are whose permissions the user is to have.
	Roles []Role
	// PermissionsOf is the user whose permissions are looked at. Empty: that of the URLs.
	PermissionsOf string
	// AckTimeout is the broker's own acknowledgement timeout, which nobody tells; 0 is
	// DefaultAckTimeout, and that it may be another is said.
	AckTimeout time.Duration
	// Where tells the place of a field of the configuration, as in "warren.yaml:12: queues.email.timeout".
	Where func(path ...string) string
}

// Queue is what the checks need of a configured work queue.
type Queue struct {
	Name    string
	Timeout time.Duration
}

// Facts are what is known of the broker. Whatever could not be asked has an error.
type Facts struct {
	Setup
	// User is whose permissions are looked at; Vhost and ManagementURL are of the connection, ManagementURL
	// without credentials.
	User          string
	Vhost         string
	ManagementURL string
	// Nodes is what became of connecting to each URL.
	Nodes []broker.NodeAnswer
	// Topology is what is wanted, for the broker's version; its error is that the version is not known.
	Topology broker.Answer[routing.Topology]
	Version  routing.Version
	Survey   broker.Survey
	// Presence is what AMQP tells; asked only where the survey does not tell.
	Presence broker.Answer[broker.Presence]
	// Blocked says that publishers are blocked.
	Blocked broker.Answer[bool]
	// Refused are the rights that the user needs and does not have.
	Refused broker.Answer[[]broker.Right]
	// Still are the messages that ladder queues still had given up when they were looked at again.
	Still map[string]int
	// Paused are the queues that an operator has paused, and who; with an error there may be more. Asked only
	// where a queue has no consumer.
	Paused broker.Answer[map[string]string]
}

// connected reports whether a node took a connection.
func (f *Facts) connected() bool {
	for _, n := range f.Nodes {
		if n.Err == nil {
			return true
		}
	}
	return false
}

// queue returns a queue as the management API tells it.
func (f *Facts) queue(name string) (*broker.QueueInfo, bool) {
	for i := range f.Survey.Queues.Value {
		if q := &f.Survey.Queues.Value[i]; q.Name == name {
			return q, true
		}
	}
	return nil, false
}

// wanted returns all queues and streams of the topology.
func (f *Facts) wanted() []routing.Queue {
	t := &f.Topology.Value
	return append(append([]routing.Queue(nil), t.Queues...), t.Streams...)
}

// names are the internal names.
func (f *Facts) names() routing.Names { return f.Spec.Names }

// state returns how many messages wait in a queue and how many consumers it has; known is false where
// it does not exist, or nobody tells. The list of consumers knows of one that has just come, which a
// queue's numbers do not.
func (f *Facts) state(name string) (ready, consumers int, known bool) {
	if q, exists := f.queue(name); exists {
		listed := 0
		for _, c := range f.Survey.Consumers.Value {
			if c.Queue == name {
				listed++
			}
		}
		return q.Ready, max(q.Consumers, listed), true
	}
	depth, known := f.Presence.Value.Depths[name]
	return depth.Ready, depth.Consumers, known
}

// Consumerless reports whether a configured queue exists and has no consumer.
func (f *Facts) Consumerless() bool {
	for _, queue := range f.Queues {
		if _, consumers, known := f.state(queue.Name); known && consumers == 0 {
			return true
		}
	}
	return false
}
