package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The versions that the tests are made for.
var (
	old    = routing.Version{Major: 3, Minor: 10, Patch: 8}
	middle = routing.Version{Major: 3, Minor: 13}
	newest = routing.Version{Major: 4, Minor: 3, Patch: 6}
)

// healthy are the facts of a broker with which all is well: queue email, quorum, and bulk, classic.
func healthy(t *testing.T, version routing.Version) *Facts {
	t.Helper()
	pattern, err := routing.ParsePattern("email.#")
	require.NoError(t, err)
	names := routing.Names{}
	f := &Facts{
		Setup: Setup{
			File: "warren.yaml",
			Spec: routing.Spec{
				Queues: []routing.QueueSpec{
					{Name: "email", Routes: []routing.Pattern{pattern}, Type: routing.Quorum}, {Name: "bulk", Type: routing.Classic},
				},
				Streams: []routing.StreamSpec{{Name: names.History(), MaxAge: 7 * 24 * time.Hour, MaxBytes: 1 << 30}},
			},
			Queues:     []Queue{{Name: "email", Timeout: time.Minute}, {Name: "bulk", Timeout: time.Minute}},
			URLs:       []string{"amqp://guest:sesame@127.0.0.1:5672/prod"},
			Management: "http://guest:sesame@127.0.0.1:15672",
			Roles:      Roles,
			Where:      func(path ...string) string { return "warren.yaml:7: " + strings.Join(path, ".") },
		},
		User: "alice", Vhost: "prod", ManagementURL: "http://127.0.0.1:15672",
		Nodes: []broker.NodeAnswer{{URL: "amqp://127.0.0.1:5672/prod", Version: version}},
	}
	f.Survey.Version.Value = version.String()
	f.Survey.Permissions.Value = broker.Permissions{Configure: ".*", Write: ".*", Read: ".*"}
	f.Survey.Nodes.Value = []broker.NodeInfo{{Name: "rabbit@one", Running: true}}
	f.Survey.Clock.Value = broker.Skew{Least: -time.Second, Most: time.Second}
	f.Survey.Flags.Value = []broker.FeatureFlag{{Name: "stream_queue", State: "enabled"}, {Name: "toy", State: "disabled", Stability: "experimental"}}
	f.build()
	require.NoError(t, f.Topology.Err)
	for _, e := range f.Topology.Value.Exchanges {
		info := broker.ExchangeInfo{Name: e.Name, Type: string(e.Kind), Durable: true}
		if e.Alternate != "" {
			info.Arguments = map[string]any{"alternate-exchange": e.Alternate}
		}
		f.Survey.Exchanges.Value = append(f.Survey.Exchanges.Value, info)
	}
	for _, q := range f.wanted() {
		info := broker.QueueInfo{
			Name: q.Name, Type: string(q.Type), State: "running", Durable: true, Arguments: map[string]any{},
			Members: []string{"rabbit@one"}, Online: []string{"rabbit@one"},
		}
		for name, value := range q.Arguments {
			info.Arguments[name] = value
		}
		if q.Role == routing.RoleWork {
			info.Consumers = 1
		}
		f.Survey.Queues.Value = append(f.Survey.Queues.Value, info)
	}
	for _, b := range f.Topology.Value.Bindings {
		f.Survey.Bindings.Value = append(f.Survey.Bindings.Value, broker.BindingInfo{Binding: b})
	}
	require.Equal(t, f.Topology.Value.Degraded, degradations(f)) // none but those that are told
	return f
}

// degradations are what the check of the version tells of a broker that does less.
func degradations(f *Facts) (texts []string) {
	for _, finding := range checkVersion(f) {
		texts = append(texts, finding.Message)
	}
	return texts
}

// edit returns a queue, to be changed.
func (f *Facts) edit(t *testing.T, name string) *broker.QueueInfo {
	t.Helper()
	q, exists := f.queue(name)
	require.True(t, exists, name)
	return q
}

// policy gives a queue a policy.
func (f *Facts) policy(t *testing.T, queue, name string, definition map[string]any) {
	t.Helper()
	q := f.edit(t, queue)
	q.Policy, q.Effective = name, definition
	f.Survey.Policies.Value = append(f.Survey.Policies.Value, broker.PolicyInfo{Name: name, Pattern: "^e", ApplyTo: "queues", Priority: 3, Definition: definition})
}
