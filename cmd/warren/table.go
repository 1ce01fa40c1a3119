package main

import (
	"io"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// column is a column of a table.
type column struct {
	title string
	// right aligns numbers.
	right bool
}

// table is a listing for people: aligned columns, two spaces between them, one line a row.
type table struct {
	columns []column
	rows    [][]string
	widths  []int // of the columns of the page before; nil where this is the first
}

// unknown stands in a cell for what nobody tells.
const unknown = "-"

// add adds a row.
func (t *table) add(cells ...string) {
	for i, cell := range cells {
		cells[i] = onOneLine(cell)
	}
	t.rows = append(t.rows, cells)
}

// onOneLine returns a text without what would move a terminal's cursor: error texts, notes and foreign
// headers may hold anything.
func onOneLine(text string) string { return strings.ReplaceAll(printable(text), "\n", " ") }

// printable returns a text without what would move a terminal's cursor, but for line feeds.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// minLast is what is left of the last column on the narrowest terminal.
const minLast = 20

// measure returns how wide the columns are.
func (t *table) measure() []int {
	widths := make([]int, len(t.columns))
	copy(widths, t.widths)
	for i, c := range t.columns {
		widths[i] = max(widths[i], runewidth.StringWidth(c.title))
		for _, row := range t.rows {
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
	}
	return widths
}

// write writes the table with its titles; its last column is cut so that a row fits into width,
// and is not where width is 0.
func (t *table) write(w io.Writer, width int) error {
	widths := t.measure()
	before := 0 // the last column
	for _, w := range widths[:len(widths)-1] {
		before += w + 2
	}
	rows := t.rows
	if t.widths == nil {
		titles := make([]string, len(t.columns))
		for i, c := range t.columns {
			titles[i] = c.title
		}
		rows = append([][]string{titles}, rows...)
	}
	var out strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			switch last := i == len(row)-1; {
			case t.columns[i].right:
				cell = runewidth.FillLeft(cell, widths[i])
			case last && width > 0:
				cell = runewidth.Truncate(cell, max(width-before, minLast), "…")
			case !last:
				cell = runewidth.FillRight(cell, widths[i])
			}
			if i > 0 {
				line.WriteString("  ")
			}
			line.WriteString(cell)
		}
		out.WriteString(strings.TrimRight(line.String(), " "))
		out.WriteByte('\n')
	}
	_, err := io.WriteString(w, out.String())
	return err
}
