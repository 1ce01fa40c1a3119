package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is aligned text: a header, rows, and a last row below a rule.
type table struct {
	header []string
	rows   [][]string
	footer []string
	texts  int // so many columns, the first, are texts; the rest are numbers, aligned to the right
}

// gap is what stands between two columns.
const gap = "  "

// write writes the table. Every row has as many cells as the header.
func (t *table) write(w io.Writer) {
	lines := append([][]string{t.header}, t.rows...)
	widths := make([]int, len(t.header))
	for _, line := range append(lines, t.footer) {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, line := range lines {
		t.writeLine(w, line, widths)
		if i == 0 || i == len(lines)-1 {
			writeRule(w, widths)
		}
	}
	t.writeLine(w, t.footer, widths)
}

func (t *table) writeLine(w io.Writer, cells []string, widths []int) {
	padded := make([]string, len(cells))
	for i, cell := range cells {
		space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i < t.texts {
			padded[i] = cell + space
		} else {
			padded[i] = space + cell
		}
	}
	fmt.Fprintln(w, strings.TrimRight(strings.Join(padded, gap), " "))
}

func writeRule(w io.Writer, widths []int) {
	length := len(gap) * (len(widths) - 1)
	for _, width := range widths {
		length += width
	}
	fmt.Fprintln(w, strings.Repeat("-", length))
}
