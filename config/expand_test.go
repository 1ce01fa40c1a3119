package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var variables = env(map[string]string{
	"HOST": "rabbit", "EMPTY": "", "N": "12", "NASTY": "1, type: classic # }", "LOOP": "${HOST}", "QUOTE": `a"b`,
})

func TestExpand(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"plain":                  "plain",
		"$HOST costs $5":         "$HOST costs $5",
		"${HOST}":                "rabbit",
		"a${HOST}b${N}c":         "arabbitb12c",
		"${EMPTY}":               "",
		"${EMPTY:-else}":         "else",
		"${UNSET:-else}":         "else",
		"${UNSET:-}":             "",
		"${UNSET:-a:-b $ { c}":   "a:-b $ { c",
		"${HOST:-else}":          "rabbit",
		"$${HOST}":               "${HOST}",
		"$$${HOST}":              "$${HOST}",
		"${HOST}$${HOST}${HOST}": "rabbit${HOST}rabbit",
		"${LOOP}":                "${HOST}",
		"$":                      "$",
		"a$":                     "a$",
	} {
		got, err := expand(text, variables)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"${", "${}", "${HOST", "${1A}", "${A-B}", "${HOST:else}", "${ HOST }", "$${a} ${"} {
		_, err := expand(text, variables)
		assert.ErrorContains(t, err, "neither ${NAME} nor ${NAME:-default}", text)
	}
	_, err := expand("${HOST} ${UNSET}", variables)
	assert.EqualError(t, err, "the variable UNSET is not set and has no default")
}

// What a variable holds can only ever be a value.
func TestExpandedValues(t *testing.T) {
	c, err := Parse("warren.yaml", []byte(`
broker: {urls: ["amqp://${HOST}:${PORT:-5672}"]}
queues:
  q:
    concurrency: ${N}
    timeout: ${N}s
    retry: {jitter: 0.5, factor: 2}
    handlers:
      a: {exec: [run, "${NASTY}", "$${HOME}", "${QUOTE}"]}
schedules:
  s:
    cron: "@daily"
    key: k
    payload:
      plain: ${N}
      quoted: "${N}"
      tagged: !!str ${N}
      yes: ${T:-true}
      none: ${UNSET:-}
      empty: "${UNSET:-}"
      text: ${QUOTE}
`), variables)
	require.NoError(t, err)
	assert.Equal(t, []string{"amqp://rabbit:5672"}, c.Broker.URLs)
	assert.Equal(t, 12, c.Queues[0].Concurrency)
	assert.Equal(t, "12s", c.Queues[0].Timeout.String())
	assert.Equal(t, []string{"run", "1, type: classic # }", "${HOME}", `a"b`}, c.Queues[0].Handlers[0].Exec)
	assert.JSONEq(t, `{"plain":12,"quoted":"12","tagged":"12","yes":true,"none":null,"empty":"","text":"a\"b"}`,
		string(c.Schedules[0].Payload))

	for text, says := range map[string]string{
		"queues: {q: {concurrency: '${N}'}}":         "a whole number within 1..10000 is wanted, not a text",
		"queues:\n  q:\n    concurrency: ${HOST}":    "a whole number within 1..10000 is wanted, not a text",
		"queues:\n  q:\n    concurrency: ${EMPTY:-}": "a whole number within 1..10000 is wanted, not nothing",
		"queues:\n  q:\n    concurrency: ${NASTY}":   "a whole number within 1..10000 is wanted, not a text",
	} {
		_, err := Parse("warren.yaml", []byte(text), variables)
		assert.ErrorContains(t, err, says, text)
	}
}
