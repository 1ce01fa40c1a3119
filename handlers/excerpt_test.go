package handlers

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTail(t *testing.T) {
	for name, test := range map[string]struct {
		limit  int
		writes []string
		want   string
	}{
		"nothing":                  {10, nil, ""},
		"space alone":              {10, []string{" \n\r\n"}, ""},
		"space alone, too much":    {4, []string{strings.Repeat("\n", 40)}, ""},
		"short":                    {10, []string{"a\n", "b\n"}, "a\nb"},
		"just within":              {3, []string{"a\nb\n"}, "a\nb"},
		"whole lines":              {8, []string{"first\nsecond\nend\n"}, "end"},
		"a line begins at the cut": {10, []string{"first\nsecond\nend\n"}, "second\nend"},
		"many writes":              {10, []string{"one\n", "two\n", "three\n", "four\n", "five\n", "six\n"}, "five\nsix"},
		"one long line":            {10, []string{strings.Repeat("a", 100) + "the end"}, "…" + "the end"},
		"one long line of é":       {10, []string{strings.Repeat("é", 100)}, "…ééé"},
		"not UTF-8":                {10, []string{"a\xff\xfeb"}, "a\uFFFDb"},
	} {
		t.Run(name, func(t *testing.T) {
			w := tail{limit: test.limit}
			for _, text := range test.writes {
				n, err := w.Write([]byte(text))
				require.NoError(t, err)
				assert.Equal(t, len(text), n)
			}
			assert.Equal(t, test.want, w.String())
		})
	}
}

func TestTailIsTheBoundedEndOfWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(8, 64).Draw(t, "limit")
		all := drawText(t)
		w := tail{limit: limit}
		for p := range slices.Chunk([]byte(all), rapid.IntRange(1, 200).Draw(t, "written at once")) {
			_, _ = w.Write(p)
			if len(w.kept) > 2*limit {
				t.Fatalf("%d bytes kept", len(w.kept))
			}
		}
		got := w.String()
		if len(got) > limit || !utf8.ValidString(got) {
			t.Fatalf("%d bytes of %q", len(got), got)
		}
		if utf8.ValidString(all) && !strings.HasSuffix(strings.TrimRight(all, space), strings.TrimPrefix(got, mark)) {
			t.Fatalf("%q is not the end of %q", got, all)
		}
	})
}

// drawText draws a text that may not be one.
func drawText(t *rapid.T) string {
	bytes := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
	return rapid.OneOf(rapid.String(), bytes).Draw(t, "text")
}

func TestHead(t *testing.T) {
	assert.Empty(t, head(nil, 10))
	assert.Equal(t, "no luck", head([]byte("\n no luck\n"), 10))
	assert.Equal(t, "0123456…", head([]byte("0123456789a"), 10))
	assert.Equal(t, "ééé…", head([]byte(strings.Repeat("é", 9)), 10))
	assert.Equal(t, "a\uFFFDb", head([]byte("a\xff\xfeb"), 10))
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(8, 64).Draw(t, "limit")
		got := head([]byte(drawText(t)), limit)
		if len(got) > limit || !utf8.ValidString(got) {
			t.Fatalf("%d bytes of %q", len(got), got)
		}
	})
}
