package main

import (
	"fmt"
	"strings"
)

// sheet is what there is to tell of one thing, for people: a title and its value a line.
type sheet struct{ text strings.Builder }

// line adds a value, which may be of several lines.
func (s *sheet) line(title, text string) {
	text = strings.ReplaceAll(orUnknown(printable(text)), "\n", "\n"+strings.Repeat(" ", 10))
	fmt.Fprintf(&s.text, "%-10s%s\n", title, text)
}

// String returns all of them.
func (s *sheet) String() string { return s.text.String() }
