package routing

import (
	"cmp"
	"fmt"
	"strings"
)

// Pattern is a binding pattern of a topic exchange, in AMQP's sense: words joined by dots, where
// `*` stands for exactly one word and `#` for none or more. The zero Pattern matches nothing; make
// one with [ParsePattern].
type Pattern struct {
	text  string
	words []string
}

// ParsePattern checks and returns a pattern: 1 to [MaxKeyBytes] bytes, words `*`, `#` or
// [A-Za-z0-9_-]+, at most [MaxHashes] `#`. It returns an error that is [ErrInvalidPattern].
func ParsePattern(text string) (Pattern, error) {
	if text == "" {
		return Pattern{}, fmt.Errorf("%w: it is empty", ErrInvalidPattern)
	}
	if len(text) > MaxKeyBytes {
		return Pattern{}, fmt.Errorf("%w %.40q…: %d bytes, at most %d", ErrInvalidPattern, text, len(text), MaxKeyBytes)
	}
	words, hashes := strings.Split(text, "."), 0
	for _, word := range words {
		switch {
		case word == "#":
			hashes++
		case word != "*" && !isWord(word):
			return Pattern{}, fmt.Errorf("%w %q: the word %q is neither *, # nor of letters, digits, _ and -",
				ErrInvalidPattern, text, word)
		}
	}
	if hashes > MaxHashes {
		return Pattern{}, fmt.Errorf("%w %q: %d words #, at most %d", ErrInvalidPattern, text, hashes, MaxHashes)
	}
	return Pattern{text: text, words: words}, nil
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Literal reports whether the pattern has no wildcard, so that it matches its own text alone.
func (p Pattern) Literal() bool { return p.text != "" && !strings.ContainsAny(p.text, "*#") }

// Match reports whether RabbitMQ's topic exchange would route the key by this pattern. The key may
// be any text: a foreign key with empty words matches as the broker matches it.
func (p Pattern) Match(key string) bool {
	if len(p.words) == 0 {
		return false
	}
	return match(p.words, key, key == "")
}

// match walks pattern words and key together; `#` tries every split. done says that the key has no
// word left (an empty rest alone would be one empty word). RabbitMQ splits the empty key into no
// words at all, and "a." into "a" and "".
func match(words []string, key string, done bool) bool {
	for i, word := range words {
		if word == "#" {
			rest := words[i+1:]
			for {
				if match(rest, key, done) {
					return true
				}
				if done {
					return false
				}
				_, key, done = nextWord(key)
			}
		}
		if done {
			return false
		}
		var head string
		head, key, done = nextWord(key)
		if word != "*" && word != head {
			return false
		}
	}
	return done
}

func nextWord(key string) (word, rest string, last bool) {
	word, rest, found := strings.Cut(key, ".")
	return word, rest, !found
}

// Compare orders patterns by how specific they are, the most specific first: word by word from
// the left a literal before `*` before `#`, then the longer pattern, then by text so that the
// order is total. It returns a negative number where p is the more specific.
func (p Pattern) Compare(other Pattern) int {
	for i := range min(len(p.words), len(other.words)) {
		if c := cmp.Compare(wildness(p.words[i]), wildness(other.words[i])); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(len(other.words), len(p.words)); c != 0 {
		return c
	}
	return cmp.Compare(p.text, other.text)
}

func wildness(word string) int {
	switch word {
	case "#":
		return 2
	case "*":
		return 1
	default:
		return 0
	}
}
