package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// Broker is what is asked; broker.Inspector is one. No method changes anything.
type Broker interface {
	User() string
	Vhost() string
	ManagementURL() string
	// Nodes connects to every URL.
	Nodes(ctx context.Context) []broker.NodeAnswer
	// Survey asks the management API, also for the permissions of a user.
	Survey(ctx context.Context, user string) broker.Survey
	// Presence compares a topology with what exists, over AMQP.
	Presence(ctx context.Context, t *routing.Topology) (broker.Presence, error)
	// Refused returns those of the rights that the connection's user lacks, over AMQP.
	Refused(ctx context.Context, rights []broker.Right) ([]broker.Right, error)
	// Blocked reports whether publishers are blocked, and whether the user may write to the default
	// exchange.
	Blocked(ctx context.Context) (blocked, allowed bool, err error)
}

// lookAgain is how long messages that a ladder queue has given up may take to be seen gone: the
// management API's numbers are up to 5 s old.
const lookAgain = 6 * time.Second

// Gather asks a broker for all facts. What cannot be asked is noted, and is no error. It blocks for about
// as long as the slowest answer takes, a second in all where the broker is near, some 10 s where a node
// does not answer, and 6 s more where a level of the delay ladder seems stuck; or until ctx is done.
func Gather(ctx context.Context, clock clockwork.Clock, setup Setup, b Broker) *Facts {
	f := &Facts{Setup: setup, User: cmp.Or(setup.PermissionsOf, b.User()), Vhost: b.Vhost(), ManagementURL: b.ManagementURL()}
	var asked sync.WaitGroup
	asked.Go(func() { f.Nodes = b.Nodes(ctx) })
	asked.Go(func() { f.Survey = b.Survey(ctx, f.User) })
	asked.Wait()
	f.build()
	f.askAMQP(ctx, b)
	if suspects := f.suspects(); len(suspects) > 0 {
		select {
		case <-clock.After(lookAgain):
			f.again(b.Survey(ctx, ""), suspects)
		case <-ctx.Done():
		}
	}
	return f
}

// errUnknownVersion is why there is no topology.
var errUnknownVersion = errors.New("the broker's version is not known, and so not what is wanted of it")

// build builds the topology for the version that somebody told.
func (f *Facts) build() {
	err := errUnknownVersion
	for _, n := range f.Nodes {
		if n.Err == nil {
			f.Version, err = n.Version, nil
		}
	}
	if err != nil && f.Survey.Version.Err == nil {
		f.Version, err = routing.ParseVersion(f.Survey.Version.Value)
	}
	if err == nil {
		f.Topology.Value, err = routing.Build(f.Spec, routing.Broker{Version: f.Version, Nodes: len(f.Survey.Nodes.Value)})
	}
	f.Topology.Err = err
}

// askAMQP asks over AMQP for what the survey does not tell.
func (f *Facts) askAMQP(ctx context.Context, b Broker) {
	if !f.connected() {
		away := fmt.Errorf("no connection: %w", broker.ErrNotConnected)
		f.Presence.Err, f.Blocked.Err, f.Refused.Err = away, away, away
		f.refusedByPatterns()
		return
	}
	blocked, mayPublish, err := b.Blocked(ctx)
	f.Blocked.Value, f.Blocked.Err = blocked, err
	byPatterns := f.refusedByPatterns()
	if byPatterns && f.Survey.Queues.Err == nil && f.Survey.Exchanges.Err == nil {
		return
	}
	f.Presence.Value, f.Presence.Err = b.Presence(ctx, &f.Topology.Value)
	if byPatterns {
		return
	}
	if f.User != b.User() {
		f.Refused.Err = fmt.Errorf("permissions of another user than the connection's: %w", f.Survey.Permissions.Err)
		return
	}
	toDefault := broker.Right{Permission: broker.Write, Exchange: true, Name: broker.DefaultExchange}
	f.Refused.Value, f.Refused.Err = b.Refused(ctx, f.doubtful())
	if f.Refused.Err == nil && err == nil && !mayPublish {
		f.Refused.Value = append(f.Refused.Value, toDefault)
	}
}

// refusedByPatterns tells from the patterns of the user's permissions what the user lacks; false where
// they are not known.
func (f *Facts) refusedByPatterns() bool {
	if f.Survey.Permissions.Err != nil || f.User == "" || f.Topology.Err != nil {
		return false
	}
	refused, readable := RefusedBy(f.Survey.Permissions.Value, f.Rights(&f.Topology.Value))
	if readable {
		f.Refused = broker.Answer[[]broker.Right]{Value: refused}
	}
	return readable
}

// doubtful are the rights that have not been seen to hold: whoever could declare what exists has
// configure permission on it. Each question that is spared is one error less in RabbitMQ's log.
func (f *Facts) doubtful() (rights []broker.Right) {
	p := &f.Presence.Value
	for _, r := range f.Rights(&f.Topology.Value) {
		unseen := p.MissingQueues
		if r.Exchange {
			unseen = p.MissingExchanges
		}
		if r.Permission == broker.Configure && f.Presence.Err == nil && !slices.Contains(unseen, r.Name) && !slices.Contains(p.Undeclarable, r.Name) {
			continue
		}
		rights = append(rights, r)
	}
	return rights
}

// again notes which suspects have still not been relieved.
func (f *Facts) again(s broker.Survey, suspects []string) {
	f.Still = map[string]int{}
	for _, q := range s.Queues.Value {
		if slices.Contains(suspects, q.Name) && q.DeadLettering > 0 {
			f.Still[q.Name] = q.DeadLettering
		}
	}
}
