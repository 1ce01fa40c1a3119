package main

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// The sizes of a chart, in pixels.
const (
	chartWidth  = 760
	panelHeight = 220
	panelTop    = 46 // of a panel: its title
	panelLeft   = 56 // the numbers beside it
	panelRight  = 130
	panelBottom = 34 // the times below it
)

// chartStyle has a chart be read on white as on black.
const chartStyle = `<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-weight: 600 }
.grid { stroke: #ddd; stroke-width: 1 }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
.c0 { stroke: #1f6fb2 } .c1 { stroke: #c4561a } .c2 { stroke: #2b8a4b } .c3 { stroke: #8a4fb5 }
@media (prefers-color-scheme: dark) {
text { fill: #ddd }
.grid { stroke: #444 }
.c0 { stroke: #6db3f2 } .c1 { stroke: #f2955c } .c2 { stroke: #6fcf8f } .c3 { stroke: #c79af0 }
}
</style>
`

// colours is how many lines a panel can tell apart.
const colours = 4

// soakChart draws the memory of all processes over time, RabbitMQ's below that of ours: it has another size.
func soakChart(v *soakVerdict) string {
	var ours, theirs []*series
	for _, s := range v.Series {
		switch {
		case s.Measure.Name != brokerMemory: // the same name as a process's
		case s.Of == brokerName:
			theirs = append(theirs, s)
		default:
			ours = append(ours, s)
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">`+"\n", chartWidth, 2*panelHeight)
	fmt.Fprintf(&out, "<title>%s</title>\n%s", html.EscapeString(fmt.Sprintf("Memory of a soak at %d/s", v.Rate)), chartStyle)
	drawPanel(&out, 0, fmt.Sprintf("Resident memory at %d tasks/s, MiB", v.Rate), ours)
	drawPanel(&out, panelHeight, "RabbitMQ's memory, MiB", theirs)
	out.WriteString("</svg>\n")
	return out.String()
}

// drawPanel draws lines over one time and one scale, which begins at 0, so that what looks flat is.
func drawPanel(out *strings.Builder, top int, title string, all []*series) {
	fmt.Fprintf(out, `<text class="title" x="%d" y="%d">%s</text>`+"\n", panelLeft, top+24, html.EscapeString(title))
	var most float64
	var last time.Duration
	for _, s := range all {
		for _, p := range s.Points {
			most, last = max(most, p.Value), max(last, p.At)
		}
	}
	if last == 0 || most == 0 {
		return
	}
	const width, height = chartWidth - panelLeft - panelRight, panelHeight - panelTop - panelBottom
	step := niceStep(most / 4)
	most = math.Ceil(most/step) * step
	x := func(at time.Duration) float64 { return panelLeft + width*at.Seconds()/last.Seconds() }
	y := func(value float64) float64 { return float64(top+panelTop) + height*(1-value/most) }
	for value := 0.0; value <= most; value += step {
		fmt.Fprintf(out, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			panelLeft, panelLeft+width, y(value), y(value), panelLeft-8, y(value)+4, value)
	}
	for quarter := range 5 {
		at := last * time.Duration(quarter) / 4
		fmt.Fprintf(out, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(at), top+panelHeight-14, chartTime(at))
	}
	labels := labelHeights(all, y)
	for i, s := range all {
		var path strings.Builder
		for j, p := range s.Points {
			command := 'L'
			if j == 0 {
				command = 'M'
			}
			fmt.Fprintf(&path, "%c%.1f %.1f", command, x(p.At), y(p.Value))
		}
		fmt.Fprintf(out, `<path class="line c%d" d="%s"/>`+"\n", i%colours, path.String())
		fmt.Fprintf(out, `<line class="line c%d" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f">%s</text>`+"\n",
			i%colours, panelLeft+width+6, panelLeft+width+18, labels[i], labels[i], panelLeft+width+24, labels[i]+4, html.EscapeString(s.Of))
	}
}

// chartTime is a time without what is 0: 15m, 1h.
func chartTime(at time.Duration) string {
	text := at.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// labelSpacing is how far apart the names of two lines stand at least.
const labelSpacing = 15

// labelHeights puts each line's name where the line ends, or where the ones above leave room.
func labelHeights(all []*series, y func(float64) float64) []float64 {
	heights := make([]float64, len(all))
	for i, s := range all {
		heights[i] = y(s.Points[len(s.Points)-1].Value)
	}
	for range all { // each round mends what the one before moved
		for i := range heights {
			for j := range i {
				if gap := heights[i] - heights[j]; math.Abs(gap) < labelSpacing {
					down, up := i, j
					if gap < 0 {
						down, up = j, i
					}
					middle := (heights[i] + heights[j]) / 2
					heights[up], heights[down] = middle-labelSpacing/2.0, middle+labelSpacing/2.0
				}
			}
		}
	}
	return heights
}

// niceStep returns the next of 1, 2, 5, 10, 20 and so on that is not below a number above 0.
func niceStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= least {
			return n * power
		}
	}
	return 10 * power
}
