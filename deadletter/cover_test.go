package deadletter

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/routing"
)

func covering(keys ...string) string {
	var c cover
	for _, key := range keys {
		c.add(key)
	}
	return c.pattern()
}

func TestCover(t *testing.T) {
	long := strings.Repeat("a.", 110) + "z"
	for want, keys := range map[string][]string{
		"":                                    {},
		"email":                               {"email", "email"},
		"email.welcome.eu":                    {"email.welcome.eu"},
		"email.*":                             {"email.welcome", "email.bye", "email.bye"},
		"email.*.eu":                          {"email.welcome.eu", "email.bye.eu"},
		"*.*":                                 {"a.b", "c.d"},
		"email.#":                             {"email.bye", "email.welcome.eu"},
		"email.welcome.#":                     {"email.welcome", "email.welcome.eu", "email.welcome.eu.fr"},
		"a.#.z":                               {"a.b.z", "a.z"},
		"a.a.#":                               {"a.a", "a.a.a"},
		"#.z":                                 {"z", "a.z"},
		"#":                                   {"", "a"},
		"*.b":                                 {"a word.b"},
		"*.*.b":                               {"a..b", "a.c.b", "#.c.b"},
		strings.Repeat("a.", 89) + "#":        {long},
		"x." + strings.Repeat("a.", 88) + "#": {"x." + long, "x." + long + ".b"},
	} {
		assert.Equal(t, want, covering(keys...))
	}
}

// A cover is a pattern that matches each of its keys, in whatever order they came, and no other key
// where there is but one.
func TestCoverMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "c", "welcome", "*", "#", "", "é"})
		key := rapid.Map(rapid.SliceOfN(word, 0, 6), func(words []string) string { return strings.Join(words, ".") })
		keys := rapid.SliceOfN(key, 1, 8).Draw(t, "keys")
		text := covering(keys...)
		pattern, err := routing.ParsePattern(text)
		require.NoError(t, err)
		for _, key := range keys {
			require.True(t, pattern.Match(key), "%s does not match %q", text, key)
		}
		require.Equal(t, text, covering(rapid.Permutation(keys).Draw(t, "order")...))
		if routing.ValidateKey(keys[0]) == nil {
			require.Equal(t, keys[0], covering(keys[0]))
		}
	})
}
