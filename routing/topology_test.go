package routing_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

func TestResolve(t *testing.T) {
	t.Parallel()
	v3, v4 := routing.Version{Major: 3, Minor: 13, Patch: 7}, routing.Version{Major: 4}
	tests := []struct {
		kind   routing.QueueType
		broker routing.Broker
		want   routing.QueueType
	}{
		{routing.Auto, routing.Broker{Version: v4}, routing.Quorum},
		{routing.Auto, routing.Broker{Version: v4, Nodes: 1}, routing.Quorum},
		{routing.Auto, routing.Broker{Version: v3}, routing.Classic},
		{routing.Auto, routing.Broker{Version: v3, Nodes: 1}, routing.Classic},
		{routing.Auto, routing.Broker{Version: v3, Nodes: 2}, routing.Quorum},
		{"", routing.Broker{Version: v3}, routing.Classic},
		{"", routing.Broker{Version: v4}, routing.Quorum},
		{routing.Quorum, routing.Broker{Version: v3}, routing.Quorum},
		{routing.Classic, routing.Broker{Version: v4, Nodes: 3}, routing.Classic},
	}
	for _, tt := range tests {
		got, err := tt.kind.Resolve(tt.broker)
		require.NoError(t, err)
		assert.Equal(t, tt.want, got, "%q on %v", tt.kind, tt.broker)
	}
	for _, kind := range []routing.QueueType{"stream", "Quorum", " "} {
		_, err := kind.Resolve(routing.Broker{Version: v4})
		require.ErrorIs(t, err, routing.ErrInvalidType)
		assert.ErrorContains(t, err, "one of auto, quorum, classic")
	}
}

// The topology of one configuration on each broker version that differs, as text.
func TestBuild(t *testing.T) {
	t.Parallel()
	spec := routing.Spec{Queues: []routing.QueueSpec{
		{Name: "email", Routes: patterns(t, "email.#", "notify.*.mail"), Type: routing.Auto},
		{Name: "report", Routes: patterns(t, "#.report.#")},
		{Name: "image", Routes: patterns(t, "image.resize"), Type: routing.Classic},
		{Name: "import", Type: routing.Quorum},
	}, Streams: []routing.StreamSpec{routing.ScheduleStream(routing.Names{}), routing.LeaseStream(routing.Names{})}}
	brokers := map[string]routing.Broker{
		"3.10":         {Version: routing.Version{Major: 3, Minor: 10, Patch: 8}},
		"3.13":         {Version: routing.Version{Major: 3, Minor: 13, Patch: 7}, Nodes: 1},
		"3.13-cluster": {Version: routing.Version{Major: 3, Minor: 13, Patch: 7}, Nodes: 3},
		"4.0":          {Version: routing.Version{Major: 4, Minor: 0, Patch: 9}, Nodes: 3},
		"4.2":          {Version: routing.Version{Major: 4, Minor: 2, Patch: 9}, Nodes: 3},
		"4.3":          {Version: routing.Version{Major: 4, Minor: 3, Patch: 6}, Nodes: 3},
	}
	for name, broker := range brokers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topology, err := routing.Build(spec, broker)
			require.NoError(t, err)
			golden(t, "topology-"+name+".txt", describe(topology))
		})
	}
}

func TestBuildWithAnotherPrefix(t *testing.T) {
	t.Parallel()
	queues := []routing.QueueSpec{{Name: "mail", Routes: patterns(t, "mail.#")}}
	plain, err := routing.Build(routing.Spec{Queues: queues}, routing.Broker{})
	require.NoError(t, err)
	acme, err := routing.Build(routing.Spec{Names: routing.Names{Prefix: "acme"}, Queues: queues}, routing.Broker{})
	require.NoError(t, err)
	assert.Equal(t, strings.ReplaceAll(describe(plain), "warren.", "acme."), describe(acme))
}

// Everything that a topology names is declared in it, and nothing is declared twice.
func TestBuildIsClosed(t *testing.T) {
	t.Parallel()
	topology, err := routing.Build(routing.Spec{Queues: []routing.QueueSpec{
		{Name: "email", Routes: patterns(t, "email.#", "#")}, {Name: "image", Routes: patterns(t, "#")},
	}}, routing.Broker{Version: routing.Version{Major: 4, Minor: 3}})
	require.NoError(t, err)

	exchanges, queues, bindings := map[string]bool{}, map[string]bool{}, map[routing.Binding]bool{}
	for _, e := range topology.Exchanges {
		require.False(t, exchanges[e.Name], e.Name)
		exchanges[e.Name] = true
	}
	for _, e := range topology.Exchanges {
		assert.True(t, e.Alternate == "" || exchanges[e.Alternate], e.Alternate)
	}
	for _, q := range topology.Queues {
		require.False(t, queues[q.Name], q.Name)
		queues[q.Name] = true
		assert.Equal(t, string(q.Type), q.Arguments[routing.ArgQueueType], q.Name)
		if dlx, ok := q.Arguments[routing.ArgDeadLetterExchange]; ok {
			assert.True(t, exchanges[dlx.(string)], "%s dead-letters to %s", q.Name, dlx)
		}
		for name, value := range q.Arguments {
			switch value.(type) {
			case string, int64:
			default:
				assert.Fail(t, "neither a string nor an int64", "%s %s %T", q.Name, name, value)
			}
		}
	}
	for _, b := range topology.Bindings {
		require.False(t, bindings[b], "%v", b)
		bindings[b] = true
		assert.True(t, exchanges[b.Source], "%v", b)
		declared := queues
		if b.ToExchange {
			declared = exchanges
		}
		assert.True(t, declared[b.Destination], "%v", b)
	}
}

func TestTuning(t *testing.T) {
	t.Parallel()
	assert.True(t, routing.Tuning(routing.ArgDeliveryLimit))
	assert.True(t, routing.Tuning(routing.ArgDisconnectedTimeout))
	for _, argument := range []string{routing.ArgQueueType, routing.ArgMaxPriority, routing.ArgMessageTTL, routing.ArgOverflow,
		routing.ArgDeadLetterExchange, routing.ArgDeadLetterRoutingKey, routing.ArgDeadLetterStrategy, ""} {
		assert.False(t, routing.Tuning(argument), argument)
	}
}

// describe writes a topology with one line for each thing in it.
func describe(t routing.Topology) string {
	var b strings.Builder
	for _, e := range t.Exchanges {
		fmt.Fprintf(&b, "exchange %s %s", e.Name, e.Kind)
		if e.Alternate != "" {
			fmt.Fprintf(&b, " alternate=%s", e.Alternate)
		}
		b.WriteByte('\n')
	}
	for _, q := range slices.Concat(t.Queues, t.Streams) {
		fmt.Fprintf(&b, "queue %s %s %s", q.Name, q.Role, q.Type)
		if q.Adopt {
			b.WriteString(" adopt")
		}
		for _, name := range slices.Sorted(maps.Keys(q.Arguments)) {
			fmt.Fprintf(&b, " %s=%v", name, q.Arguments[name])
		}
		b.WriteByte('\n')
	}
	for _, binding := range t.Bindings {
		to := "queue"
		if binding.ToExchange {
			to = "exchange"
		}
		fmt.Fprintf(&b, "binding %s -> %s %s %q\n", binding.Source, to, binding.Destination, binding.Key)
	}
	for _, text := range t.Degraded {
		fmt.Fprintf(&b, "degraded %s\n", text)
	}
	return b.String()
}

// golden compares a text with a file of testdata, which -update writes anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update")
	assert.Equal(t, string(want), got)
}
