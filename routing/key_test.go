package routing_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
)

func TestValidateKey(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		key  string
		says string // part of the error; empty: the key is valid
	}{
		{"one word", "email", ""},
		{"one letter", "a", ""},
		{"several words", "email.welcome.eu", ""},
		{"every kind of character", "AZ.az.09._.-", ""},
		{"longest", strings.Repeat("a", 180), ""},
		{"longest of many words", strings.Repeat("a.", 89) + "aa", ""},
		{"empty", "", "empty"},
		{"too long", strings.Repeat("a", 181), "181 bytes, at most 180"},
		{"too long in bytes", strings.Repeat("é", 91), "182 bytes"},
		{"leading dot", ".a", `the word ""`},
		{"trailing dot", "a.", `the word ""`},
		{"empty word", "a..b", `the word ""`},
		{"dot alone", ".", `the word ""`},
		{"star", "a.*", `the word "*"`},
		{"hash", "#", `the word "#"`},
		{"space", "a b", `the word "a b"`},
		{"not ASCII", "straße", `the word "straße"`},
		{"not UTF-8", "a.\xff", `the word "\xff"`},
		{"NUL", "a\x00", `the word "a\x00"`},
		{"line break", "a\n", `the word "a\n"`},
		{"slash", "a/b", `the word "a/b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			requireOutcome(t, routing.ValidateKey(tt.key), routing.ErrInvalidKey, tt.says)
		})
	}
}

func TestValidateQueue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, queue, prefix string
		says                string
	}{
		{"one word", "email", "warren", ""},
		{"every kind of character", "AZaz09_.-", "warren", ""},
		{"dots anywhere", ".a..b.", "warren", ""},
		{"longest", strings.Repeat("q", 180), "warren", ""},
		{"dead inside", "dead.letters", "warren", ""},
		{"dead without a dot", "walkingdead", "warren", ""},
		{"prefix inside", "my.warren.queue", "warren", ""},
		{"prefix in another case", "Warren.queue", "warren", ""},
		{"default prefix where another is configured", "warren.queue", "acme", ""},
		{"amq without a dot", "amqp", "warren", ""},
		{"empty", "", "warren", "empty"},
		{"too long", strings.Repeat("q", 181), "warren", "181 bytes, at most 180"},
		{"dead-letter queue", "email.dead", "warren", "dead-letter"},
		{"dead suffix alone", ".dead", "warren", "dead-letter"},
		{"prefix and dot", "warren.email", "warren", "beginning with warren"},
		{"prefix alone", "warren", "warren", "beginning with warren"},
		{"prefix and more letters", "warrens", "warren", "beginning with warren"},
		{"configured prefix", "acme-email", "acme", "beginning with acme"},
		{"empty prefix, default name", "warren.email", "", "beginning with warren"},
		{"empty prefix, other name", "email", "", ""},
		{"RabbitMQ's own", "amq.gen-1", "warren", "RabbitMQ's own"},
		{"star", "a*", "warren", "'*'"},
		{"hash", "#", "warren", "'#'"},
		{"space", "a b", "warren", "' '"},
		{"not ASCII", "é", "warren", "the character"},
		{"slash", "a/b", "warren", "'/'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			requireOutcome(t, routing.ValidateQueue(tt.queue, tt.prefix), routing.ErrInvalidQueue, tt.says)
		})
	}
}

func TestValidatePrefix(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, prefix string
		says         string
	}{
		{"default", routing.DefaultPrefix, ""},
		{"every kind of character", "AZaz09_-", ""},
		{"longest", strings.Repeat("p", 64), ""},
		{"amq and more", "amqp", ""},
		{"empty", "", "not of letters"},
		{"too long", strings.Repeat("p", 65), "65 bytes, at most 64"},
		{"dot", "a.b", "not of letters"},
		{"star", "*", "not of letters"},
		{"RabbitMQ's own", "amq", "RabbitMQ's own"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			requireOutcome(t, routing.ValidatePrefix(tt.prefix), routing.ErrInvalidPrefix, tt.says)
		})
	}
}

// Names at their bounds must still fit AMQP's 255 bytes with all that is put around them.
func TestLongestNamesFitAMQP(t *testing.T) {
	t.Parallel()
	names := routing.Names{Prefix: strings.Repeat("p", routing.MaxPrefixBytes)}
	queue := strings.Repeat("q", routing.MaxQueueBytes)
	spec := routing.Spec{Names: names, Queues: []routing.QueueSpec{
		{Name: queue, Routes: patterns(t, strings.Repeat("k", routing.MaxKeyBytes))},
	}}
	topology, err := routing.Build(spec, routing.Broker{})
	require.NoError(t, err)
	for _, e := range topology.Exchanges {
		assert.LessOrEqual(t, len(e.Name), 255, e.Name)
	}
	for _, q := range topology.Queues {
		assert.LessOrEqual(t, len(q.Name), 255, q.Name)
	}
	for _, b := range topology.Bindings {
		assert.LessOrEqual(t, len(b.Key), 255, b.Key)
	}
}

// requireOutcome checks that the error is the sentinel and tells what it should, or that there is
// none where nothing is to be told.
func requireOutcome(t *testing.T, err, sentinel error, says string) {
	t.Helper()
	if says == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorIs(t, err, sentinel)
	require.ErrorContains(t, err, says)
	assert.Less(t, len(err.Error()), 600, "an error that quotes a name stays readable")
}

func patterns(t require.TestingT, texts ...string) []routing.Pattern {
	list := make([]routing.Pattern, len(texts))
	for i, text := range texts {
		p, err := routing.ParsePattern(text)
		require.NoError(t, err)
		list[i] = p
	}
	return list
}
