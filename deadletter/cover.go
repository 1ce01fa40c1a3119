package deadletter

import (
	"slices"
	"strings"

	"github.com/warrenmq/warren/routing"
)

// cover is the narrowest pattern that matches all keys that it has been given, of those that people
// read easily: a literal where they are one key; where they have equally many words, `*` for each
// in which they differ; else their common beginning, `#`, and their common end. The order of the keys makes
// no difference. The zero cover has none.
type cover struct {
	words    []string // word by word, `*` where keys differ; nil once they have not equally many
	prefix   []string // the words that all keys begin with
	suffix   []string // the words that all keys end with
	shortest int      // the words of the shortest
	last     string   // the key that was added last: most come in runs
	filled   bool
}

// add adds a key, which may be any text.
func (c *cover) add(key string) {
	if c.filled && key == c.last {
		return
	}
	c.last = key
	words := keyWords(key)
	if !c.filled {
		*c = cover{words: words, prefix: words, suffix: words, shortest: len(words), last: key, filled: true}
		return
	}
	if len(c.words) != len(words) {
		c.words = nil
	}
	for i, word := range words {
		if i < len(c.words) && c.words[i] != word && c.words[i] != "*" {
			c.words = slices.Clone(c.words) // prefix and suffix see the same array
			c.words[i] = "*"
		}
	}
	c.shortest = min(c.shortest, len(words))
	c.prefix = c.prefix[:common(len(c.prefix), len(words), func(i int) bool { return c.prefix[i] == words[i] })]
	same := common(len(c.suffix), len(words), func(i int) bool {
		return c.suffix[len(c.suffix)-1-i] == words[len(words)-1-i]
	})
	c.suffix = c.suffix[len(c.suffix)-same:]
}

// keyWords splits a key. A word that no pattern may hold, as foreign keys have them, is `*`, which matches it.
func keyWords(key string) []string {
	if key == "" {
		return []string{}
	}
	words := strings.Split(key, ".")
	for i, word := range words {
		if routing.ValidateKey(word) != nil {
			words[i] = "*"
		}
	}
	return words
}

// common returns how many of two lists' items are the same from the first on.
func common(a, b int, same func(i int) bool) int {
	n := 0
	for n < min(a, b) && same(n) {
		n++
	}
	return n
}

// pattern returns the text of the pattern: empty where no key was added.
func (c *cover) pattern() string {
	switch {
	case !c.filled:
		return ""
	case len(c.words) > 0:
		if text := strings.Join(c.words, "."); len(text) <= routing.MaxKeyBytes {
			return text
		}
	}
	end := c.suffix[max(0, len(c.suffix)-max(0, c.shortest-len(c.prefix))):] // the two must not share words
	parts := slices.Concat(c.prefix, []string{"#"}, end)
	for n := len(c.prefix); len(strings.Join(parts, ".")) > routing.MaxKeyBytes; n-- {
		parts = append(slices.Clone(c.prefix[:n]), "#") // a foreign key may be longer than a pattern
	}
	return strings.Join(parts, ".")
}
