//go:build integration

package broker_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// inspector returns an inspector of the fixture's virtual host, under a URL.
func (f *fixture) inspector(urls ...string) *broker.Inspector {
	f.t.Helper()
	i, err := broker.NewInspector(broker.Config{URLs: urls, Management: f.vhost.Management, DialTimeout: time.Minute})
	require.NoError(f.t, err)
	return i
}

func TestInspectorNodes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	away, err := url.Parse(f.vhost.URL)
	require.NoError(t, err)
	away.Host = "127.0.0.1:1"
	answers := f.inspector(f.vhost.URL, away.String()).Nodes(f.ctx)
	require.Len(t, answers, 2)
	assert.NoError(t, answers[0].Err)
	assert.Equal(t, f.client.Version(), answers[0].Version)
	assert.NotContains(t, answers[0].URL, "guest")
	assert.ErrorContains(t, answers[1].Err, "refused")
	assert.NotErrorIs(t, answers[1].Err, broker.ErrRefused, "that is the socket, not the broker")

	wrong, err := url.Parse(f.vhost.URL)
	require.NoError(t, err)
	wrong.User = url.UserPassword("guest", "sesame")
	i := f.inspector(wrong.String())
	answers = i.Nodes(f.ctx)
	assert.ErrorIs(t, answers[0].Err, broker.ErrRefused)
	assert.NotContains(t, answers[0].Err.Error(), "sesame")
	assert.Equal(t, "guest", i.User())
	assert.Equal(t, f.vhost.Name, i.Vhost())
	_, _, err = i.Blocked(f.ctx)
	assert.ErrorIs(t, err, broker.ErrNotConnected)
}

// rights are one of each kind.
var rights = []broker.Right{
	{Permission: broker.Configure, Exchange: true, Name: "warren.tasks"},
	{Permission: broker.Write, Exchange: true, Name: "warren.tasks"},
	{Permission: broker.Read, Exchange: true, Name: "warren.tasks"},
	{Permission: broker.Configure, Exchange: true, Name: "nothing.there"},
	{Permission: broker.Configure, Name: "email"},
	{Permission: broker.Write, Name: "email"},
	{Permission: broker.Read, Name: "email"},
	{Permission: broker.Configure, Name: "nothing.there"},
	{Permission: broker.Read, Name: "nothing.there"},
	{Permission: broker.Read, Name: "warren.control"},
	{Permission: broker.Read, Name: "warren.unrouted"},
}

// Every permission is told by itself, of what exists and of what does not, and nothing is changed by it.
func TestInspectorRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	before := f.inspector(f.vhost.URL).Survey(f.ctx, "")
	require.NoError(t, before.Queues.Err)

	refused, err := f.inspector(f.vhost.URL).Refused(f.ctx, rights)
	require.NoError(t, err)
	assert.Empty(t, refused)

	nobody := f.inspector(brokertest.NewUser(t, f.vhost, brokertest.Permissions{Configure: "^$", Write: "^$", Read: "^$"}))
	refused, err = nobody.Refused(f.ctx, rights)
	require.NoError(t, err)
	unknowable := broker.Right{Permission: broker.Read, Exchange: true, Name: "warren.tasks"} // without an exchange to write to
	assert.Len(t, refused, len(rights)-1)
	assert.NotContains(t, refused, unknowable)
	_, allowed, err := nobody.Blocked(f.ctx)
	assert.NoError(t, err)
	assert.False(t, allowed, "to write to the default exchange")

	for _, lacks := range rights {
		others := brokertest.Permissions{Configure: ".*", Write: ".*", Read: ".*"}
		allBut := "^(?!" + lacks.Name + "$).*"
		switch lacks.Permission {
		case broker.Configure:
			others.Configure = allBut
		case broker.Write:
			others.Write = allBut
		case broker.Read:
			others.Read = allBut
		}
		refused, err = f.inspector(brokertest.NewUser(t, f.vhost, others)).Refused(f.ctx, []broker.Right{rights[1], lacks})
		require.NoError(t, err)
		assert.Contains(t, refused, lacks)
	}

	after := f.inspector(f.vhost.URL).Survey(f.ctx, "")
	assert.ElementsMatch(t, before.Exchanges.Value, after.Exchanges.Value)
	assert.ElementsMatch(t, before.Bindings.Value, after.Bindings.Value)
	assert.Len(t, after.Queues.Value, len(before.Queues.Value))
}

// Over AMQP it is told what is missing and what differs, and nothing is declared.
func TestInspectorPresence(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	require.NoError(t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: "email", MessageID: "1"}))
	wanted, err := routing.Build(routing.Spec{Queues: []routing.QueueSpec{queue(t, "email", "email.#"), queue(t, "later", "later.#")}},
		routing.Broker{Version: f.client.Version()})
	require.NoError(t, err)
	wanted.Exchanges[1].Kind = routing.Direct // warren.tasks
	i := f.inspector(f.vhost.URL)
	found, err := i.Presence(f.ctx, &wanted)
	require.NoError(t, err)
	assert.Empty(t, found.MissingExchanges)
	assert.Equal(t, []string{"later", "later.dead"}, found.MissingQueues)
	assert.Equal(t, broker.Depth{Ready: 1}, found.Depths["email"])
	require.Len(t, found.Drift, 1)
	assert.Equal(t, "type", found.Drift[0].Argument)
	assert.Empty(t, found.Undeclarable)
	again, err := i.Presence(f.ctx, &wanted)
	require.NoError(t, err)
	assert.Equal(t, found, again)

	blocked, allowed, err := i.Blocked(f.ctx)
	assert.NoError(t, err)
	assert.False(t, blocked)
	assert.True(t, allowed)
}

func TestInspectorSurvey(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	i := f.inspector(f.vhost.URL)
	s := i.Survey(f.ctx, i.User())
	assert.Equal(t, f.client.Version().String(), s.Version.Value)
	for _, err := range []error{
		s.Clock.Err, s.Version.Err, s.Alarms.Err, s.Nodes.Err, s.Flags.Err, s.Exchanges.Err, s.Queues.Err,
		s.Bindings.Err, s.Consumers.Err, s.Policies.Err, s.Operator.Err, s.Permissions.Err,
	} {
		assert.NoError(t, err)
	}
	assert.LessOrEqual(t, s.Clock.Value.Least, time.Duration(0), "it is this machine's clock")
	assert.GreaterOrEqual(t, s.Clock.Value.Most, time.Duration(0))
	assert.Equal(t, broker.Permissions{Configure: ".*", Write: ".*", Read: ".*"}, s.Permissions.Value)
	require.Len(t, s.Nodes.Value, 1)
	assert.True(t, s.Nodes.Value[0].Running)
	assert.Contains(t, s.Bindings.Value, broker.BindingInfo{
		Binding: routing.Binding{Source: "warren.tasks", Destination: "email", Key: "email.#"}, Arguments: map[string]any{},
	})

	away, err := broker.NewInspector(broker.Config{Management: "http://u:sesame@127.0.0.1:1"})
	require.NoError(t, err)
	none := away.Survey(f.ctx, "guest")
	assert.ErrorIs(t, none.Permissions.Err, broker.ErrNoManagement)
	assert.NotContains(t, none.Permissions.Err.Error(), "sesame")
}

// A binding that is removed is gone, and one that does not exist is no error.
func TestUnbind(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	stale := routing.Binding{Source: "warren.tasks", Destination: "email", Key: "email.#"}
	ladder := routing.Binding{Source: "warren.delay.01", Destination: "warren.delay.00", ToExchange: true, Key: "*.0.#"}
	for range 2 {
		require.NoError(t, f.client.Unbind(f.ctx, stale, ladder))
	}
	has, err := f.client.Bindings(f.ctx)
	require.NoError(t, err)
	for _, b := range has {
		assert.NotContains(t, []routing.Binding{stale, ladder}, b.Binding)
	}
	user := brokertest.NewUser(t, f.vhost, brokertest.Permissions{Configure: ".*", Write: "^$", Read: ".*"})
	assert.ErrorIs(t, f.connect(func(c *broker.Config) { c.URLs = []string{user} }).Unbind(f.ctx, stale), broker.ErrRefused)
}
