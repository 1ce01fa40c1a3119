package chart

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// Bars are horizontal bars, one row for each label.
type Bars struct {
	Title, Note string
	// Parts are the names of what a row is made of, in the order of its values. One part needs no name.
	Parts []string
	// Stacked puts the parts of a row one behind the other, else one below the other.
	Stacked bool
	// Log has the lengths grow with the logarithm; all values must be above 0 then.
	Log  bool
	Rows []Row
}

// Row is one label and its values.
type Row struct {
	Label  string
	Values []float64
	// Strong is a row that is to be seen first.
	Strong bool
	// Said is written instead of the values, where it is set: why there are none.
	Said string
}

const (
	barHigh  = 15
	rowSpace = 9
)

// SVG draws the bars.
func (b *Bars) SVG() string {
	left, lines := 0.0, 1
	if !b.Stacked {
		lines = max(len(b.Parts), 1)
	}
	for _, r := range b.Rows {
		left = max(left, float64(utf8.RuneCountInString(r.Label))*charWide)
	}
	left += 10
	rowHigh := float64(lines*barHigh + rowSpace)
	legend := 0.0
	if len(b.Parts) > 1 {
		legend = 22
	}
	d := begin(b.Title, b.Note, titled+legend+rowHigh*float64(len(b.Rows)))
	if legend > 0 {
		x := left
		for i, name := range b.Parts {
			fmt.Fprintf(d, `<rect x="%s" y="%d" width="11" height="11" fill="%s"/>`+"\n", px(x), titled-2, Colour(i))
			d.text(x+16, titled+8, "start", name, "")
			x += 34 + float64(utf8.RuneCountInString(name))*charWide
		}
	}
	scale := b.scale(width - left - 110)
	for i, r := range b.Rows {
		top := titled + legend + rowHigh*float64(i)
		weight := ""
		if r.Strong {
			weight = `font-weight="600"`
		}
		d.text(left-8, top+float64(lines*barHigh)/2+4.5, "end", r.Label, weight)
		if r.Said != "" {
			d.text(left, top+11.5, "start", r.Said, `font-style="italic"`)
			continue
		}
		b.row(d, r, left, top, scale)
	}
	return d.end()
}

func (b *Bars) row(d *drawing, r Row, left, top float64, scale func(float64) float64) {
	x, sum := left, 0.0
	for i, v := range r.Values {
		long := max(scale(v), 1)
		colour := Colour(i)
		if len(r.Values) == 1 && !r.Strong {
			colour = Colour(1)
		}
		fmt.Fprintf(d, `<rect x="%s" y="%s" width="%s" height="%d" fill="%s"/>`+"\n", px(x), px(top), px(long), barHigh-2, colour)
		if b.Stacked {
			x += long
			sum += v
			continue
		}
		d.text(x+long+6, top+11.5, "start", Thousands(v), "")
		top += barHigh
	}
	if b.Stacked {
		d.text(x+6, top+11.5, "start", Thousands(sum), "")
	}
}

// scale returns how long a value is drawn.
func (b *Bars) scale(long float64) func(float64) float64 {
	least, most := math.Inf(1), 0.0
	for _, r := range b.Rows {
		sum := 0.0
		for _, v := range r.Values {
			if v > 0 {
				least = min(least, v)
			}
			sum += max(v, 0)
			most = max(most, v)
		}
		if b.Stacked {
			most = max(most, sum)
		}
	}
	if !b.Log {
		return func(v float64) float64 { return long * max(v, 0) / max(most, math.SmallestNonzeroFloat64) }
	}
	from := math.Floor(math.Log10(least))
	return func(v float64) float64 {
		if v <= 0 {
			return 0
		}
		return long * (math.Log10(v) - from) / max(math.Log10(most)-from, 0.1)
	}
}
