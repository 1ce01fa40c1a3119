package chart

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Lines are series over sizes that grow by powers of ten.
type Lines struct {
	Title, Note string
	// Sizes are the places on the x axis, evenly apart.
	Sizes  []float64
	Series []Series
}

// Series is one line; it may end before the last size.
type Series struct {
	Label  string
	Colour string
	Values []float64
}

const (
	plotHigh = 280
	axisLeft = 62
)

// SVG draws the lines. The y axis is logarithmic: what halves looks alike wherever it does.
func (l *Lines) SVG() string {
	right := 0.0
	least, most := math.Inf(1), 0.0
	for _, s := range l.Series {
		right = max(right, float64(utf8.RuneCountInString(s.Label))*charWide)
		for _, v := range s.Values {
			if v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if most == 0 {
		least, most = 1, 10
	}
	from, to := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	if from == to {
		to++
	}
	right = width - right - 30
	bottom := float64(titled + plotHigh)
	d := begin(l.Title, l.Note, bottom+26)
	x := func(i int) float64 {
		return axisLeft + 10 + (right-axisLeft-10)*float64(i)/max(float64(len(l.Sizes)-1), 1)
	}
	y := func(v float64) float64 {
		return bottom - (plotHigh-10)*(math.Log10(max(v, math.Pow(10, from)))-from)/(to-from)
	}
	for power := from; power <= to; power++ {
		v := math.Pow(10, power)
		d.line(axisLeft, y(v), right+10, y(v), pale)
		d.text(axisLeft-8, y(v)+4.5, "end", Thousands(v), "")
	}
	for i, size := range l.Sizes {
		d.text(x(i), bottom+18, "middle", Thousands(size), "")
	}
	labels := l.labels(y)
	for i, s := range l.Series {
		var points []string
		for j, v := range s.Values {
			points = append(points, px(x(j))+","+px(y(v)))
			fmt.Fprintf(d, `<circle cx="%s" cy="%s" r="3" fill="%s"/>`+"\n", px(x(j)), px(y(v)), s.Colour)
		}
		if len(points) == 0 {
			continue
		}
		fmt.Fprintf(d, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), s.Colour)
		fmt.Fprintf(d, `<rect x="%s" y="%s" width="9" height="9" fill="%s"/>`+"\n", px(right+16), px(labels[i]-4.5), s.Colour)
		d.text(right+30, labels[i]+4.5, "start", s.Label, "")
	}
	return d.end()
}

// labels are the heights of the series' labels: at the ends of the lines, and not over each other.
func (l *Lines) labels(y func(float64) float64) []float64 {
	const apart = 16
	at := make([]float64, len(l.Series))
	var order []int
	for i, s := range l.Series {
		if len(s.Values) > 0 {
			at[i] = y(s.Values[len(s.Values)-1])
			order = append(order, i)
		}
	}
	for i := 1; i < len(order); i++ { // by height; they are few
		for j := i; j > 0 && at[order[j]] < at[order[j-1]]; j-- {
			order[j], order[j-1] = order[j-1], order[j]
		}
	}
	for i := 1; i < len(order); i++ {
		at[order[i]] = max(at[order[i]], at[order[i-1]]+apart)
	}
	if len(order) > 0 { // those that are below the plot now push the others up
		lowest := float64(titled + plotHigh)
		for i := len(order) - 1; i >= 0; i-- {
			at[order[i]] = min(at[order[i]], lowest)
			lowest = at[order[i]] - apart
		}
	}
	return at
}
