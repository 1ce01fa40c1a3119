package routing

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the type of an exchange.
type Kind string

// The exchange types that the topology uses.
const (
	Topic  Kind = "topic"
	Direct Kind = "direct"
	Fanout Kind = "fanout"
)

// QueueType is how RabbitMQ keeps a queue.
type QueueType string

// The queue types. Auto is resolved by [QueueType.Resolve]; Stream is none that a work queue can have.
const (
	Auto    QueueType = "auto"
	Quorum  QueueType = "quorum"
	Classic QueueType = "classic"
	Stream  QueueType = "stream"
)

// Resolve turns Auto (or empty) into the type that suits the broker: quorum from RabbitMQ 4.0,
// which has priorities there; before that classic, for its priorities, or quorum on a cluster of
// several nodes, where losing a node must not lose a queue. Another type than the three returns an
// error that is [ErrInvalidType].
func (t QueueType) Resolve(b Broker) (QueueType, error) {
	switch t {
	case Quorum, Classic:
		return t, nil
	case Auto, "":
		if b.Version.AtLeast(4, 0) || b.Nodes > 1 {
			return Quorum, nil
		}
		return Classic, nil
	default:
		return "", fmt.Errorf("%w %q: one of auto, quorum, classic", ErrInvalidType, string(t))
	}
}

// The queue arguments that the topology uses, as RabbitMQ names them.
const (
	ArgQueueType            = "x-queue-type"
	ArgMaxPriority          = "x-max-priority"
	ArgMessageTTL           = "x-message-ttl"
	ArgOverflow             = "x-overflow"
	ArgDeadLetterExchange   = "x-dead-letter-exchange"
	ArgDeadLetterRoutingKey = "x-dead-letter-routing-key"
	ArgDeadLetterStrategy   = "x-dead-letter-strategy"
	ArgDeliveryLimit        = "x-delivery-limit"
	ArgDisconnectedTimeout  = "x-consumer-disconnected-timeout"
)

// MaxPriority is the highest priority of a task, and the x-max-priority of a classic queue.
const MaxPriority = 9

// DeliveryLimit is how often a work queue gives out a message that comes back unacknowledged,
// before it is dead-lettered.
const DeliveryLimit = 20

// DisconnectedTimeoutMillis is how long a work queue on RabbitMQ 4.3 and later keeps the
// deliveries of a consumer whose node is gone before it gives them to others. RabbitMQ's own
// default is 60 s.
const DisconnectedTimeoutMillis = 10_000

// Role is what a queue is for.
type Role string

// The roles of queues.
const (
	RoleWork     Role = "work"
	RoleDead     Role = "dead"
	RoleLadder   Role = "ladder"
	RoleUnrouted Role = "unrouted"
	RoleStream   Role = "stream"
)

// Broker is what the topology depends on of a broker.
type Broker struct {
	Version Version
	// Nodes is the number of nodes of its cluster, 0 where nobody could be asked.
	Nodes int
}

// Exchange is a durable exchange to declare.
type Exchange struct {
	Name string
	Kind Kind
	// Alternate is the exchange that takes what this one cannot route. Empty: none.
	Alternate string
}

// Queue is a durable queue to declare.
type Queue struct {
	Name string
	Role Role
	// Type is quorum, classic or stream, never auto.
	Type QueueType
	// Adopt says that an existing queue of the other type is taken as it is: its type was
	// configured as auto.
	Adopt     bool
	Arguments Arguments
}

// Binding is a binding to declare, of a queue or of an exchange.
type Binding struct {
	Source      string
	Destination string
	ToExchange  bool
	Key         string
}

// Topology is everything to declare, in this order: exchanges, queues, bindings, streams.
type Topology struct {
	Exchanges []Exchange
	Queues    []Queue
	Bindings  []Binding
	// Streams are those queues that are streams. No task goes through them.
	Streams []Queue
	// Degraded tells in words what this broker cannot do for this configuration.
	Degraded []string
}

// QueueSpec is one configured work queue.
type QueueSpec struct {
	Name string
	// Routes are the patterns it is bound with. None: only retries and direct sends reach it.
	Routes []Pattern
	// Type defaults to Auto.
	Type QueueType
}

// Spec is what a configuration asks of the topology.
type Spec struct {
	Names  Names
	Queues []QueueSpec
	// Streams are to be declared besides [Names.Control], which is part of every topology.
	Streams []StreamSpec
}

// Validate checks names, types, and that nothing is configured twice. The errors are
// [ErrInvalidPrefix], [ErrInvalidQueue], [ErrInvalidType], [ErrInvalidPattern], [ErrInvalidStream] and
// [ErrDuplicate].
func (s Spec) Validate() error {
	prefix := s.Names.Prefix
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if err := ValidatePrefix(prefix); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, q := range s.Queues {
		if err := ValidateQueue(q.Name, prefix); err != nil {
			return err
		}
		if seen[q.Name] {
			return fmt.Errorf("queue %q: %w", q.Name, ErrDuplicate)
		}
		seen[q.Name] = true
		if _, err := q.Type.Resolve(Broker{}); err != nil {
			return fmt.Errorf("queue %q: %w", q.Name, err)
		}
		patterns := map[string]bool{}
		for _, p := range q.Routes {
			if len(p.words) == 0 {
				return fmt.Errorf("queue %q: %w: it is empty", q.Name, ErrInvalidPattern)
			}
			if patterns[p.text] {
				return fmt.Errorf("queue %q: route %q: %w", q.Name, p.text, ErrDuplicate)
			}
			patterns[p.text] = true
		}
	}
	return s.validateStreams()
}

// Build returns the whole topology of a configuration for one broker. It returns the errors of
// [Spec.Validate].
func Build(s Spec, b Broker) (Topology, error) {
	if err := s.Validate(); err != nil {
		return Topology{}, err
	}
	n := s.Names
	t := Topology{
		Exchanges: []Exchange{
			{Name: n.Unrouted(), Kind: Fanout},
			{Name: n.Tasks(), Kind: Topic, Alternate: n.Unrouted()},
			{Name: n.Strict(), Kind: Topic},
			{Name: n.Delayed(), Kind: Topic, Alternate: n.Unrouted()},
			{Name: n.Dead(), Kind: Direct, Alternate: n.Unrouted()},
		},
		Queues:   []Queue{{Name: n.Unrouted(), Role: RoleUnrouted, Type: Quorum, Arguments: restArguments(b)}},
		Bindings: []Binding{{Source: n.Unrouted(), Destination: n.Unrouted()}},
	}
	t.ladder(n)
	for _, q := range s.Queues {
		t.work(n, q, b)
	}
	t.stream(controlStream(n))
	for _, stream := range s.Streams {
		t.stream(stream)
	}
	return t, nil
}

// work adds a work queue, its dead-letter queue and their bindings.
func (t *Topology) work(n Names, q QueueSpec, b Broker) {
	kind, _ := q.Type.Resolve(b) // validated before
	queue := Queue{Name: q.Name, Role: RoleWork, Type: kind, Adopt: q.Type == Auto || q.Type == ""}
	queue.Arguments = WorkArguments(n, q.Name, kind, b)
	dead := Queue{Name: DeadQueue(q.Name), Role: RoleDead, Type: Quorum, Arguments: restArguments(b)}
	t.Queues = append(t.Queues, queue, dead)
	t.Bindings = append(t.Bindings, Binding{Source: n.Dead(), Destination: dead.Name, Key: q.Name})

	behindDigits := strings.Repeat("*.", LadderDigits)
	for _, p := range q.Routes {
		t.Bindings = append(t.Bindings,
			Binding{Source: n.Tasks(), Destination: q.Name, Key: p.text},
			Binding{Source: n.Strict(), Destination: q.Name, Key: p.text},
			Binding{Source: n.Delayed(), Destination: q.Name, Key: behindDigits + "r." + p.text})
	}
	t.Bindings = append(t.Bindings, Binding{Source: n.Delayed(), Destination: q.Name, Key: behindDigits + "q." + q.Name})

	if kind == Quorum && !b.Version.AtLeast(4, 3) {
		has := "no priorities"
		if b.Version.AtLeast(4, 0) {
			has = "two levels of priority, 5 to 9 over 1 to 4"
		}
		t.Degraded = append(t.Degraded, fmt.Sprintf(
			"queue %s: a quorum queue on RabbitMQ %s has %s; within a worker's prefetched tasks they are strict", q.Name, b.Version, has))
	}
}

// WorkArguments are the arguments of a work queue of a type on a broker.
func WorkArguments(n Names, queue string, kind QueueType, b Broker) Arguments {
	args := Arguments{
		ArgQueueType:            string(kind),
		ArgDeadLetterExchange:   n.Dead(),
		ArgDeadLetterRoutingKey: queue,
	}
	if kind == Classic {
		args[ArgMaxPriority] = int64(MaxPriority)
		return args
	}
	args[ArgDeadLetterStrategy] = "at-least-once"
	args[ArgOverflow] = "reject-publish"
	args[ArgDeliveryLimit] = int64(DeliveryLimit)
	if b.Version.AtLeast(4, 3) {
		args[ArgDisconnectedTimeout] = int64(DisconnectedTimeoutMillis)
	}
	return args
}

// restArguments are the arguments of a queue where messages lie to be looked at. Each look from a
// console counts as a return, so from 4.0, which has a delivery limit by default, it is turned
// off; before 4.0 there is none by default, and -1 would drop a message at its first return.
func restArguments(b Broker) Arguments {
	args := Arguments{ArgQueueType: string(Quorum)}
	if b.Version.AtLeast(4, 0) {
		args[ArgDeliveryLimit] = int64(-1)
	}
	return args
}

// Tuning reports whether a queue argument is one that an existing queue may lack: its absence
// makes the queue slower to recover and loses nothing.
func Tuning(argument string) bool {
	return argument == ArgDeliveryLimit || argument == ArgDisconnectedTimeout
}

// Match is one queue that wants a key, and the patterns by which it does, the most specific first.
type Match struct {
	Queue    string
	Patterns []Pattern
}

// Matches returns the queues that want a key, in the order of the configuration.
func (s Spec) Matches(key string) []Match {
	var matches []Match
	for _, q := range s.Queues {
		var patterns []Pattern
		for _, p := range q.Routes {
			if p.Match(key) {
				patterns = append(patterns, p)
			}
		}
		if len(patterns) > 0 {
			slices.SortFunc(patterns, Pattern.Compare)
			matches = append(matches, Match{Queue: q.Name, Patterns: patterns})
		}
	}
	return matches
}
