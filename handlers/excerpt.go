package handlers

import (
	"strings"
	"unicode/utf8"
)

// mark stands where an excerpt was cut within a line.
const mark = "…"

// tail is an io.Writer that keeps the end of what is written to it, at least limit bytes of it and
// at most twice as many.
type tail struct {
	limit int
	kept  []byte
	lost  bool // something before kept was dropped
}

// Write keeps the end and never fails.
func (w *tail) Write(p []byte) (int, error) {
	w.kept = append(w.kept, p...)
	if over := len(w.kept) - w.limit; over > w.limit { // dropped seldom, not at every write
		w.kept = append(w.kept[:0], w.kept[over:]...)
		w.lost = true
	}
	return len(p), nil
}

// String returns the end as valid UTF-8 of at most limit bytes, without space around it: whole
// lines, or the end of the last line behind a mark.
func (w *tail) String() string {
	text := strings.TrimRight(strings.ToValidUTF8(string(w.kept), "\uFFFD"), space)
	if text == "" || !w.lost && len(text) <= w.limit {
		return strings.TrimLeft(text, space)
	}
	from := max(0, len(text)-w.limit-1) // one byte more: a line may begin right at the limit
	if line := strings.IndexByte(text[from:], '\n'); line >= 0 {
		return strings.TrimLeft(text[from+line:], space)
	}
	return mark + suffix(text, w.limit-len(mark))
}

// head returns the beginning of a text as valid UTF-8 of at most limit bytes, without space around
// it, and with a mark where it was cut.
func head(text []byte, limit int) string {
	whole := strings.Trim(strings.ToValidUTF8(string(text), "\uFFFD"), space)
	if len(whole) <= limit {
		return whole
	}
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(whole[end]) {
		end--
	}
	return whole[:end] + mark
}

// suffix returns at most the last n bytes of a text, from a rune's start.
func suffix(text string, n int) string {
	start := max(0, len(text)-n)
	for start < len(text) && !utf8.RuneStart(text[start]) {
		start++
	}
	return text[start:]
}

// space is what is not worth telling at either end of an excerpt.
const space = " \t\r\n\x00"
