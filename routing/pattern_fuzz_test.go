package routing_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
)

// Whatever the pattern and the key: the pattern is refused, or is what was written and matches what AMQP's definition
// says.
func FuzzPattern(f *testing.F) {
	for _, text := range []string{"", "a", "a.b", "*", "#", "a.#.b.#", "#.#.#", ".", "a..b", "\xff", strings.Repeat("a.", 100)} {
		f.Add(text, text)
	}
	for _, seed := range [][2]string{
		{"#", ""}, {"*", ""}, {"a.#", "a"}, {"#.a.#", "b.a."}, {"a.*.b", "a..b"}, {"#.*.#", "."}, {"a.#.b.#", "a.b.b"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, key string) {
		p, err := routing.ParsePattern(text)
		if err != nil {
			require.ErrorIs(t, err, routing.ErrInvalidPattern)
			require.Zero(t, p)
			return
		}
		require.Equal(t, text, p.String())
		same := p
		require.Zero(t, p.Compare(same))
		require.Equal(t, routing.ValidateKey(text) == nil, p.Literal(), "a pattern without wildcards is a key, and a key is a pattern")
		if p.Literal() {
			require.True(t, p.Match(text))
		}
		require.Equal(t, referenceMatch(text, key), p.Match(key))
	})
}

// referenceMatch is AMQP's definition of a topic match by dynamic programming: matches[j] says
// whether the words of the pattern so far match the first j words of the key. RabbitMQ takes the
// empty key for no words at all.
func referenceMatch(pattern, key string) bool {
	var words []string
	if key != "" {
		words = strings.Split(key, ".")
	}
	matches := make([]bool, len(words)+1)
	matches[0] = true
	for want := range strings.SplitSeq(pattern, ".") {
		next := make([]bool, len(words)+1)
		for j := range next {
			if want == "#" {
				next[j] = matches[j] || j > 0 && next[j-1]
			} else {
				next[j] = j > 0 && matches[j-1] && (want == "*" || want == words[j-1])
			}
		}
		matches = next
	}
	return matches[len(words)]
}
