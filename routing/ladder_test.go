package routing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/routing"
)

func TestDelayBounds(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 310, int(routing.MaxDelay/(24*time.Hour)), "whole days")
	tests := []struct {
		delay    time.Duration
		exchange string // empty: without the ladder
		digits   string
	}{
		{-time.Hour, "", ""},
		{0, "", ""},
		{159 * time.Millisecond, "", ""},
		{routing.MinLadderDelay - 1, "", ""},
		{routing.MinLadderDelay, "warren.delay.00", "10000000000000"},
		{259*time.Millisecond + 999999, "warren.delay.00", "10000000000000"},
		{260 * time.Millisecond, "warren.delay.00", "20000000000000"},
		{460 * time.Millisecond, "warren.delay.01", "01000000000000"},
		{5 * time.Second, "warren.delay.02", "10300000000000"}, // 49 ticks
		{routing.MaxDelay - 1, "warren.delay.13", "23333333333333"},
		{routing.MaxDelay, "warren.delay.13", "33333333333333"},
	}
	for _, tt := range tests {
		t.Run(tt.delay.String(), func(t *testing.T) {
			t.Parallel()
			hop, laddered, err := routing.Names{}.Delay(tt.delay, routing.ToRoute("email.welcome"))
			require.NoError(t, err)
			require.Equal(t, tt.exchange != "", laddered)
			if !laddered {
				require.Zero(t, hop)
				return
			}
			require.Equal(t, tt.exchange, hop.Exchange)
			require.Equal(t, strings.Join(strings.Split(tt.digits, ""), ".")+".r.email.welcome", hop.Key)
		})
	}
	for _, delay := range []time.Duration{routing.MaxDelay + 1, 1<<63 - 1} {
		hop, laddered, err := routing.Names{}.Delay(delay, routing.ToQueue("email"))
		require.ErrorIs(t, err, routing.ErrDelayTooLong)
		require.ErrorContains(t, err, routing.MaxDelay.String(), "the bound")
		require.False(t, laddered)
		require.Zero(t, hop)
	}
}

// The ladder is walked through the exchanges, bindings and queues of a topology as Build describes
// them: what is spent, where it ends, and who gets it.
func TestLadderSpendsTheDelay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		topology, err := routing.Build(spec, routing.Broker{Version: routing.Version{Major: 4, Minor: 3}})
		require.NoError(t, err)
		delay := drawDelay().Draw(t, "delay")
		key := drawValidKey(t, "key")
		target := rapid.SampledFrom(spec.Queues).Draw(t, "target").Name

		var wanted []string
		for _, m := range spec.Matches(key) {
			wanted = append(wanted, m.Queue)
		}
		if len(wanted) == 0 {
			wanted = []string{spec.Names.Unrouted()} // parked, never lost
		}
		checkWalk(t, topology, spec.Names, delay, routing.ToRoute(key), wanted)
		checkWalk(t, topology, spec.Names, delay, routing.ToQueue(target), []string{target})
	})
}

func checkWalk(t *rapid.T, topology routing.Topology, n routing.Names, delay time.Duration, to routing.Address, wanted []string) {
	hop, laddered, err := n.Delay(delay, to)
	require.NoError(t, err)
	require.Equal(t, delay >= routing.LadderTick+routing.LadderLead, laddered)
	if !laddered {
		return
	}
	require.LessOrEqual(t, len(hop.Key), 255, "AMQP's bound")
	w := walk(t, topology, hop)
	require.Equal(t, (delay-routing.LadderLead)/routing.LadderTick*routing.LadderTick, w.held)
	require.GreaterOrEqual(t, delay-w.held, routing.LadderLead, "early enough")
	require.Less(t, delay-w.held, routing.LadderLead+routing.LadderTick, "no earlier than that")
	require.Equal(t, n.Delayed(), w.end)
	require.Equal(t, wanted, w.queues)
}

func TestOriginalKeyRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		delay := rapid.Map(rapid.Int64Range(int64(routing.MinLadderDelay), int64(routing.MaxDelay)), nanoseconds).Draw(t, "delay")
		key := rapid.OneOf(rapid.String(), rapid.Custom(func(t *rapid.T) string { return drawValidKey(t, "valid") })).Draw(t, "key")
		hop, _, err := routing.Names{}.Delay(delay, routing.ToRoute(key))
		require.NoError(t, err)
		original, ok := routing.OriginalKey(hop.Key)
		require.True(t, ok)
		require.Equal(t, key, original)
		_, ok = routing.OriginalQueue(hop.Key)
		require.False(t, ok, "a key is no queue's name")

		hop, _, err = routing.Names{}.Delay(delay, routing.ToQueue("email"))
		require.NoError(t, err)
		_, ok = routing.OriginalKey(hop.Key)
		require.False(t, ok, "a queue's name is no key")
		queue, ok := routing.OriginalQueue(hop.Key)
		require.True(t, ok)
		require.Equal(t, "email", queue)
	})
}

func TestOriginalKeyOfOtherKeys(t *testing.T) {
	t.Parallel()
	const zeros = "0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	for _, key := range []string{
		"", "email.welcome", zeros, zeros + "r", zeros + "x.email", zeros + "q.email", zeros + "email",
		"4." + zeros[2:] + "r.email", "." + zeros[1:] + "r.email", "00" + zeros[2:] + "r.email",
		zeros[2:] + "r.email", "0." + zeros + "r.email", strings.Repeat("é", 40),
	} {
		original, ok := routing.OriginalKey(key)
		assert.False(t, ok, "%q", key)
		assert.Empty(t, original, "%q", key)
		if key != zeros+"q.email" {
			_, ok = routing.OriginalQueue(key)
			assert.False(t, ok, "%q", key)
		}
	}
}

// arrival is what became of a message that was published into a topology.
type arrival struct {
	held   time.Duration
	end    string   // the last exchange
	queues []string // in the order of the bindings
}

// walk carries a message through exchanges and the ladder's queues until it lies in queues that
// hold it for good.
func walk(t *rapid.T, topology routing.Topology, hop routing.Hop) arrival {
	ladder := map[string]routing.Arguments{}
	for _, q := range topology.Queues {
		if q.Role == routing.RoleLadder {
			ladder[q.Name] = q.Arguments
		}
	}
	alternates := map[string]string{}
	for _, e := range topology.Exchanges {
		alternates[e.Name] = e.Alternate
	}
	a := arrival{end: hop.Exchange}
	for steps := 0; ; steps++ {
		require.LessOrEqual(t, steps, 2*routing.LadderDigits, "a cycle")
		matches := routed(topology, a.end, hop.Key)
		if len(matches) == 0 {
			require.NotEmpty(t, alternates[a.end], "%s loses %s", a.end, hop.Key)
			matches = routed(topology, alternates[a.end], hop.Key)
		}
		args, parked := ladder[matches[0].Destination]
		switch {
		case matches[0].ToExchange:
			a.end = matches[0].Destination
		case parked:
			require.NotContains(t, args, routing.ArgDeadLetterRoutingKey, "the key is the delay")
			a.held += time.Duration(args[routing.ArgMessageTTL].(int64)) * time.Millisecond
			a.end = args[routing.ArgDeadLetterExchange].(string)
		default:
			for _, m := range matches {
				a.queues = append(a.queues, m.Destination)
			}
			return a
		}
		require.Len(t, matches, 1, "%s sends %s to several places", a.end, hop.Key)
	}
}

// routed returns the bindings of an exchange that want a key, the first of each destination.
func routed(topology routing.Topology, exchange, key string) []routing.Binding {
	var matches []routing.Binding
	seen := map[string]bool{}
	for _, b := range topology.Bindings {
		if b.Source == exchange && !seen[b.Destination] && (b.Key == "" || referenceMatch(b.Key, key)) {
			seen[b.Destination] = true
			matches = append(matches, b)
		}
	}
	return matches
}

func nanoseconds(n int64) time.Duration { return time.Duration(n) }

// drawDelay draws from all of the ladder's range, and from where a tick more is spent.
func drawDelay() *rapid.Generator[time.Duration] {
	const most = int64((routing.MaxDelay - routing.LadderLead) / routing.LadderTick)
	return rapid.OneOf(
		rapid.Map(rapid.Int64Range(0, int64(routing.MaxDelay)), nanoseconds),
		rapid.Map(rapid.Int64Range(0, int64(time.Minute)), nanoseconds),
		rapid.Custom(func(t *rapid.T) time.Duration {
			ticks := time.Duration(rapid.Int64Range(0, most).Draw(t, "ticks"))
			beside := time.Duration(rapid.Int64Range(-1, 1).Draw(t, "beside"))
			return min(ticks*routing.LadderTick+routing.LadderLead+beside, routing.MaxDelay)
		}),
		rapid.SampledFrom([]time.Duration{0, routing.LadderLead, routing.LadderTick, routing.MinLadderDelay, routing.MaxDelay - 1, routing.MaxDelay}),
	)
}

// drawSpec draws configurations whose queues have names like keys, some as long as may be.
func drawSpec(t *rapid.T) routing.Spec {
	name := rapid.OneOf(
		rapid.SampledFrom([]string{"email", "a", "r", "q", "r.a", "q.a", "a..b", ".", "0.1", strings.Repeat("q", routing.MaxQueueBytes)}),
		rapid.StringMatching(`[a-c_.-]{1,12}`))
	pattern := rapid.Custom(func(t *rapid.T) routing.Pattern { return drawPattern(t, "pattern") })
	queue := rapid.Custom(func(t *rapid.T) routing.QueueSpec {
		return routing.QueueSpec{
			Name:   name.Draw(t, "queue"),
			Routes: rapid.SliceOfNDistinct(pattern, 0, 3, routing.Pattern.String).Draw(t, "routes"),
		}
	})
	return routing.Spec{
		Names:  routing.Names{Prefix: rapid.SampledFrom([]string{"", "acme"}).Draw(t, "prefix")},
		Queues: rapid.SliceOfNDistinct(queue, 1, 4, func(q routing.QueueSpec) string { return q.Name }).Draw(t, "queues"),
	}
}

func drawValidKey(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "r", "q", "0"}), 1, 6), func(words []string) string {
			return strings.Join(words, ".")
		}),
		rapid.SampledFrom([]string{strings.Repeat("k", routing.MaxKeyBytes), strings.Repeat("a.", 89) + "aa"}),
	).Draw(t, label)
}
