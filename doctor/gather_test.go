package doctor

import (
	"context"
	"errors"
	"testing"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// answers is a broker that answers with facts, and notes what it was asked.
type answers struct {
	facts    *Facts
	surveys  []broker.Survey // the later ones
	presence broker.Presence
	lacks    []broker.Right
	mute     bool // the user may not write to the default exchange

	asked []string
	about []broker.Right
}

func (a *answers) User() string                                { return "alice" }
func (a *answers) Vhost() string                               { return "prod" }
func (a *answers) ManagementURL() string                       { return a.facts.ManagementURL }
func (a *answers) Nodes(context.Context) []broker.NodeAnswer   { return a.facts.Nodes }
func (a *answers) Blocked(context.Context) (bool, bool, error) { return false, !a.mute, nil }
func (a *answers) Survey(context.Context, string) broker.Survey {
	s := a.facts.Survey
	if len(a.asked) > 0 && len(a.surveys) > 0 {
		s = a.surveys[0]
	}
	a.asked = append(a.asked, "survey")
	return s
}
func (a *answers) Presence(context.Context, *routing.Topology) (broker.Presence, error) {
	a.asked = append(a.asked, "presence")
	return a.presence, nil
}
func (a *answers) Refused(_ context.Context, rights []broker.Right) ([]broker.Right, error) {
	a.asked, a.about = append(a.asked, "refused"), rights
	return a.lacks, nil
}

// Where the management API tells everything, AMQP is asked for no more than whether publishers are
// blocked.
func TestGatherBySurvey(t *testing.T) {
	a := &answers{facts: healthy(t, newest)}
	f := Gather(t.Context(), clockwork.NewFakeClock(), a.facts.Setup, a)
	assert.Equal(t, []string{"survey"}, a.asked)
	assert.Equal(t, newest, f.Version)
	assert.Empty(t, Examine(f))
}

// Permissions that nobody tells are asked for one by one, but for those that were seen to hold.
func TestGatherProbes(t *testing.T) {
	a := &answers{facts: healthy(t, newest), mute: true}
	a.facts.Survey.Permissions.Err = broker.ErrNoManagement
	a.presence = broker.Presence{MissingQueues: []string{"email.dead"}, Undeclarable: []string{"email"}}
	a.lacks = []broker.Right{{Permission: broker.Configure, Name: "email"}}
	f := Gather(t.Context(), clockwork.NewFakeClock(), a.facts.Setup, a)
	assert.Equal(t, []string{"survey", "presence", "refused"}, a.asked)
	var configure []string
	for _, r := range a.about {
		if r.Permission == broker.Configure {
			configure = append(configure, r.Name)
		}
	}
	assert.ElementsMatch(t, []string{"email", "email.dead"}, configure)
	found := Examine(f)
	require.Len(t, found, 2)
	assert.Contains(t, found[0].Message, "no configure permission on email,")
	assert.Contains(t, found[1].Message, "no write permission on amq.default,")

	setup := a.facts.Setup
	setup.PermissionsOf = "bob"
	found = Examine(Gather(t.Context(), clockwork.NewFakeClock(), setup, a))
	require.Len(t, found, 1, "nobody can ask for another's")
	assert.Equal(t, NotMade, found[0].Severity)
}

// The version may be told by the management API alone.
func TestGatherWithoutAConnection(t *testing.T) {
	a := &answers{facts: healthy(t, newest)}
	a.facts.Nodes[0].Err = errors.New("connection refused")
	f := Gather(t.Context(), clockwork.NewFakeClock(), a.facts.Setup, a)
	assert.Equal(t, newest, f.Version)
	found := Examine(f)
	require.Len(t, found, 1)
	assert.Equal(t, "connection", found[0].Check)
}

// A level of the ladder that has given up messages is looked at again before it is called stuck.
func TestGatherLooksAgain(t *testing.T) {
	for name, still := range map[string]int{"relieved": 0, "stuck": 2} {
		t.Run(name, func(t *testing.T) {
			a := &answers{facts: healthy(t, newest)}
			later := healthy(t, newest).Survey
			a.surveys = []broker.Survey{later}
			a.facts.edit(t, "warren.delay.02.1").DeadLettering = 3
			for i := range later.Queues.Value {
				if q := &later.Queues.Value[i]; q.Name == "warren.delay.02.1" {
					q.DeadLettering = still
				}
			}
			clock, gathered := clockwork.NewFakeClock(), make(chan *Facts, 1)
			go func() { gathered <- Gather(t.Context(), clock, a.facts.Setup, a) }()
			require.NoError(t, clock.BlockUntilContext(t.Context(), 1))
			clock.Advance(lookAgain)
			found := Examine(<-gathered)
			if still == 0 {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Contains(t, found[0].Message, "stuck: 2 messages")
		})
	}
}
