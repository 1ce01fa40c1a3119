package routing_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/routing"
)

func TestParsePattern(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		pattern string
		says    string
	}{
		{"literal", "email.welcome", ""},
		{"star", "*", ""},
		{"hash", "#", ""},
		{"hash in the middle", "a.#.b", ""},
		{"two hashes", "#.a.#", ""},
		{"two hashes side by side", "#.#", ""},
		{"many stars", strings.Repeat("*.", 89) + "*", ""},
		{"longest", strings.Repeat("a", 180), ""},
		{"empty", "", "empty"},
		{"too long", strings.Repeat("a", 181), "181 bytes, at most 180"},
		{"three hashes", "#.a.#.b.#", "3 words #, at most 2"},
		{"empty word", "a..b", `the word ""`},
		{"dot alone", ".", `the word ""`},
		{"leading dot", ".#", `the word ""`},
		{"trailing dot", "#.", `the word ""`},
		{"star within a word", "a*", `the word "a*"`},
		{"double star", "**", `the word "**"`},
		{"hash within a word", "a#.b", `the word "a#"`},
		{"double hash", "##", `the word "##"`},
		{"space", "a. .b", `the word " "`},
		{"not ASCII", "é", `the word "é"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := routing.ParsePattern(tt.pattern)
			requireOutcome(t, err, routing.ErrInvalidPattern, tt.says)
			if err == nil {
				assert.Equal(t, tt.pattern, p.String())
				assert.Equal(t, !strings.ContainsAny(tt.pattern, "*#"), p.Literal())
			} else {
				assert.Zero(t, p)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern string
		yes, no []string
	}{
		{"a", []string{"a"}, []string{"", "b", "a.a", "a.", ".a", ".", "A", "aa"}},
		{"a.b", []string{"a.b"}, []string{"a", "a.b.c", "a..b", "b.a", "ab"}},
		{"*", []string{"a", "*", "#", "é"}, []string{"", "a.b", ".", "a."}},
		{"*.*", []string{"a.b", ".", "a.", ".a"}, []string{"", "a", "a.b.c", ".."}},
		{"a.*", []string{"a.b", "a."}, []string{"a", "a.b.c", "b.a"}},
		{"a.*.c", []string{"a.b.c", "a..c"}, []string{"a.c", "a.b.b.c"}},
		{"#", []string{"", "a", "a.b.c", ".", "a..b", "..."}, nil},
		{"#.#", []string{"", "a", "a.b.c", "."}, nil},
		{"a.#", []string{"a", "a.b", "a.b.c", "a.", "a.."}, []string{"", "b", ".a", "ab"}},
		{"#.a", []string{"a", "b.a", "a.a", ".a", "b.c.a"}, []string{"", "a.b", "a.", "ba"}},
		{"#.*", []string{"a", "a.b", ".", "a.b.c"}, []string{""}},
		{"*.#", []string{"a", "a.b", "."}, []string{""}},
		{"a.#.b", []string{"a.b", "a.c.b", "a..b", "a.b.b", "a.a.b"}, []string{"a", "b", "a.b.c", ""}},
		{"#.a.#", []string{"a", "a.b", "b.a", "b.a.b", ".a."}, []string{"", "b", "b.b", "aa"}},
		{"#.a.*.b.#", []string{"a.x.b", "a.a.a.b", "z.a..b.z"}, []string{"a.b", "a.x.x.b"}},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			t.Parallel()
			p := patterns(t, tt.pattern)[0]
			for _, key := range tt.yes {
				assert.True(t, p.Match(key), "%q", key)
				assert.True(t, referenceMatch(tt.pattern, key), "the reference, %q", key)
			}
			for _, key := range tt.no {
				assert.False(t, p.Match(key), "%q", key)
				assert.False(t, referenceMatch(tt.pattern, key), "the reference, %q", key)
			}
		})
	}
}

func TestZeroPattern(t *testing.T) {
	t.Parallel()
	var p routing.Pattern
	for _, key := range []string{"", ".", "a", "#"} {
		assert.False(t, p.Match(key), "%q", key)
	}
	assert.False(t, p.Literal())
	assert.Empty(t, p.String())
	assert.Zero(t, p.Compare(routing.Pattern{}))
	assert.Positive(t, p.Compare(patterns(t, "#")[0]), "what matches nothing comes last")
}

func TestMatchIsTheReference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, key := drawPattern(t, "pattern"), drawKey(t)
		require.Equal(t, referenceMatch(p.String(), key), p.Match(key), "pattern %q, key %q", p, key)
	})
}

// The most specific first; each pattern is to come before the next.
func TestCompare(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{
		{"a.b.c", "a.b.*", "a.b.#", "a.*.c", "a.*.*", "a.*.#", "a.#.c", "*.b.c", "*.*.*", "*.#", "#.a.b", "#.a", "#"},
		{"a.b", "a.*", "a.#", "*.b", "#.b"},
		{"a.*.z", "a.*", "a.#.z", "a.#"},
		{"a.b.#", "a.b"}, // alike so far, then the longer
		{"a", "b", "c"},  // of one form: by text, so that the order is total
		{"#.#", "#"},
	} {
		list := patterns(t, order...)
		for i := range list {
			for j := range list {
				assert.Equal(t, cmp.Compare(i, j), sign(list[i].Compare(list[j])), "%q, %q", list[i], list[j])
			}
		}
	}
}

func TestCompareIsATotalOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawPattern(t, "a"), drawPattern(t, "b"), drawPattern(t, "c")
		require.Equal(t, -sign(a.Compare(b)), sign(b.Compare(a)), "antisymmetric")
		require.Equal(t, a.String() == b.String(), a.Compare(b) == 0, "equal only to itself")
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 {
			require.LessOrEqual(t, a.Compare(c), 0, "transitive")
		}
		require.Equal(t, referenceCompare(a.String(), b.String()), sign(a.Compare(b)), "word by word")
	})
}

func TestSortingDoesNotDependOnTheInput(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) routing.Pattern { return drawPattern(t, "pattern") }),
			1, 8, routing.Pattern.String).Draw(t, "patterns")
		shuffled := rapid.Permutation(list).Draw(t, "shuffled")
		slices.SortFunc(list, routing.Pattern.Compare)
		slices.SortFunc(shuffled, routing.Pattern.Compare)
		require.Equal(t, list, shuffled)
	})
}

// referenceCompare says what Compare means in other words: patterns as texts of one letter a word,
// in which the end counts as wilder than any word.
func referenceCompare(a, b string) int {
	form := func(pattern string) string {
		words := strings.Split(pattern, ".")
		for i, word := range words {
			switch word {
			case "*":
				words[i] = "2"
			case "#":
				words[i] = "3"
			default:
				words[i] = "1"
			}
		}
		return strings.Join(words, "") + "4"
	}
	return cmp.Or(cmp.Compare(form(a), form(b)), cmp.Compare(a, b))
}

func sign(n int) int { return cmp.Compare(n, 0) }

// drawPattern draws over so few words that matches are frequent.
func drawPattern(t *rapid.T, label string) routing.Pattern {
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "*", "#"}), 1, 6).Draw(t, label)
	hashes := 0
	for i, word := range words {
		if word == "#" {
			if hashes++; hashes > routing.MaxHashes {
				words[i] = "*"
			}
		}
	}
	return patterns(t, strings.Join(words, "."))[0]
}

// drawKey draws keys as foreign publishers may write them, with empty words and wildcards.
func drawKey(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "", "*", "#"}), 0, 7).Draw(t, "key"), ".")
}
