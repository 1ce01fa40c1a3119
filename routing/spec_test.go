package routing_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
)

func TestSpecValidate(t *testing.T) {
	t.Parallel()
	queue := func(name string, routes ...string) routing.QueueSpec {
		return routing.QueueSpec{Name: name, Routes: patterns(t, routes...)}
	}
	tests := []struct {
		name     string
		spec     routing.Spec
		sentinel error // nil: the spec is valid
		says     string
	}{
		{"nothing", routing.Spec{}, nil, ""},
		{"one pattern in two queues", routing.Spec{Queues: []routing.QueueSpec{queue("a", "x.#"), queue("b", "x.#")}}, nil, ""},
		{"no routes", routing.Spec{Queues: []routing.QueueSpec{queue("a")}}, nil, ""},
		{"names in different case", routing.Spec{Queues: []routing.QueueSpec{queue("a"), queue("A")}}, nil, ""},
		{"bad prefix", routing.Spec{Names: routing.Names{Prefix: "a.b"}}, routing.ErrInvalidPrefix, `"a.b"`},
		{"bad queue", routing.Spec{Queues: []routing.QueueSpec{queue("a b")}}, routing.ErrInvalidQueue, `"a b"`},
		{"queue under the default prefix", routing.Spec{Queues: []routing.QueueSpec{queue("warren.tasks")}}, routing.ErrInvalidQueue, "warren.tasks"},
		{"queue under its prefix", routing.Spec{Names: routing.Names{Prefix: "acme"}, Queues: []routing.QueueSpec{queue("acme.x")}},
			routing.ErrInvalidQueue, "acme.x"},
		{"bad type", routing.Spec{Queues: []routing.QueueSpec{{Name: "a", Type: "stream"}}}, routing.ErrInvalidType, `queue "a"`},
		{"queue twice", routing.Spec{Queues: []routing.QueueSpec{queue("a"), queue("b"), queue("a")}}, routing.ErrDuplicate, `queue "a"`},
		{"pattern twice", routing.Spec{Queues: []routing.QueueSpec{queue("a", "x", "y", "x")}}, routing.ErrDuplicate, `queue "a": route "x"`},
		{"zero pattern", routing.Spec{Queues: []routing.QueueSpec{{Name: "a", Routes: make([]routing.Pattern, 1)}}},
			routing.ErrInvalidPattern, `queue "a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			topology, built := routing.Build(tt.spec, routing.Broker{})
			err := tt.spec.Validate()
			assert.Equal(t, err, built, "Build returns what Validate does")
			if tt.sentinel == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tt.sentinel)
			require.ErrorContains(t, err, tt.says)
			require.Zero(t, topology)
		})
	}
}

func TestSpecMatches(t *testing.T) {
	t.Parallel()
	spec := routing.Spec{Queues: []routing.QueueSpec{
		{Name: "mail", Routes: patterns(t, "#", "email.#", "email.*", "notify")},
		{Name: "none"},
		{Name: "audit", Routes: patterns(t, "*.welcome")},
	}}
	assert.Equal(t, []routing.Match{
		{Queue: "mail", Patterns: patterns(t, "email.*", "email.#", "#")},
		{Queue: "audit", Patterns: patterns(t, "*.welcome")},
	}, spec.Matches("email.welcome"))
	assert.Equal(t, []routing.Match{{Queue: "mail", Patterns: patterns(t, "#")}}, spec.Matches(""))
	assert.Equal(t, "#", spec.Queues[0].Routes[0].String(), "the configuration's own order stands")
	assert.Empty(t, routing.Spec{}.Matches("email"))
}
