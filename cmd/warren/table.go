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
	// colour says that cells may be coloured, and colours which are.
	colour  bool
	colours map[place]string
}

// place is that of a cell among the rows.
type place struct{ row, column int }

// style colours a cell of the row that is added next, where cells may be coloured.
func (t *table) style(column int, colour string) {
	if !t.colour {
		return
	}
	if t.colours == nil {
		t.colours = map[place]string{}
	}
	t.colours[place{len(t.rows), column}] = colour
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

// width returns how wide the widest row is.
func (t *table) width() int {
	total := 2 * (len(t.columns) - 1)
	for _, w := range t.measure() {
		total += w
	}
	return total
}

// write writes the table with its titles; its last column is cut so that a row fits into width,
// and is not where width is 0.
func (t *table) write(w io.Writer, width int) error {
	widths := t.measure()
	before := 0 // the last column
	for _, w := range widths[:len(widths)-1] {
		before += w + 2
	}
	var out strings.Builder
	if t.widths == nil {
		titles := make([]string, len(t.columns))
		for i, c := range t.columns {
			titles[i] = c.title
		}
		out.WriteString(t.line(-1, titles, widths, width-before, width > 0))
	}
	for i, row := range t.rows {
		out.WriteString(t.line(i, row, widths, width-before, width > 0))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// line returns a row, whose last cell is cut to what is left for it where cut says so.
func (t *table) line(row int, cells []string, widths []int, left int, cut bool) string {
	var line strings.Builder
	for i, cell := range cells {
		last := i == len(cells)-1
		if last && cut && !t.columns[i].right {
			cell = runewidth.Truncate(cell, max(left, minLast), "…")
		}
		padding := strings.Repeat(" ", max(0, widths[i]-runewidth.StringWidth(cell)))
		if colour := t.colours[place{row, i}]; colour != "" && cell != "" {
			cell = colour + cell + plain
		}
		if t.columns[i].right {
			cell = padding + cell
		} else {
			cell += padding
		}
		if i > 0 {
			line.WriteString("  ")
		}
		line.WriteString(cell)
	}
	return strings.TrimRight(line.String(), " ") + "\n"
}
