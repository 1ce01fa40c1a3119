package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is aligned text.
type table struct {
	header []string
	rows   [][]string
	texts  []bool // the columns that are aligned to the left; the others are numbers
}

// write writes the table, indented by two blanks. Every row has as many cells as the header.
func (t *table) write(w io.Writer) {
	lines := append([][]string{t.header}, t.rows...)
	widths := make([]int, len(t.header))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < len(t.texts) && t.texts[i] {
				cell += space
			} else {
				cell = space + cell
			}
			text.WriteString("  " + cell)
		}
		fmt.Fprintln(w, strings.TrimRight(text.String(), " "))
	}
}

// errorWriter keeps the first error of its writes, so that one look at the end is enough.
type errorWriter struct {
	to  io.Writer
	err error
}

func (w *errorWriter) Write(p []byte) (int, error) {
	if w.err == nil {
		_, w.err = w.to.Write(p)
	}
	return len(p), nil
}
