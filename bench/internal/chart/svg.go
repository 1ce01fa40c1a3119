// Package chart draws bars and lines as SVG that is legible on a light and on a dark ground: its text and
// its lines are of a middle grey, its ground is transparent.
//
// It owns the drawing. It must not know what is drawn.
package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

const (
	width    = 760
	grey     = "#7d8590"
	pale     = "#7d859040"
	titled   = 46 // the height of the title and of what is below it
	fontSize = 13
	charWide = 7.2 // of a character, about
)

// palette are colours that can be told apart on both grounds, also by who sees few colours.
var palette = []string{"#e36209", "#3b82f6", "#8b949e", "#2da44e", "#a371f7", "#d4a72c", "#db61a2", "#39a0a8", "#b35c44"}

// Colour is the colour of a series by its number.
func Colour(i int) string { return palette[i%len(palette)] }

// drawing is an SVG in the making.
type drawing struct{ strings.Builder }

func begin(title, note string, height float64) *drawing {
	d := &drawing{}
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%s" viewBox="0 0 %d %s" role="img" font-family="-apple-system,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif" font-size="%d">`+"\n",
		width, px(height), width, px(height), fontSize)
	fmt.Fprintf(d, "<title>%s</title>\n", html.EscapeString(title))
	d.text(0, 16, "start", title, `font-weight="600" font-size="15"`)
	d.text(0, 34, "start", note, `font-size="12"`)
	return d
}

func (d *drawing) end() string {
	d.WriteString("</svg>\n")
	return d.String()
}

func (d *drawing) text(x, y float64, anchor, text, attributes string) {
	fmt.Fprintf(d, `<text x="%s" y="%s" text-anchor="%s" fill="%s" %s>%s</text>`+"\n", px(x), px(y), anchor, grey, attributes, html.EscapeString(text))
}

func (d *drawing) line(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(d, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s"/>`+"\n", px(x1), px(y1), px(x2), px(y2), colour)
}

// px is a length with one decimal at most.
func px(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// Thousands is a number with its digits in groups, and one decimal where it is below 10.
func Thousands(v float64) string {
	if math.Abs(v) < 10 && v != math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	text := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if v < 0 && text != "0" {
		return "-" + text
	}
	return text
}
