package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/warrenmq/warren/bench/internal/chart"
)

// draw writes a chart of each measurement into a folder.
func (r *peersReport) draw(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, svg := range r.charts() {
		if err := os.WriteFile(filepath.Join(folder, name+".svg"), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// charts are those of all that was measured, by their names.
func (r *peersReport) charts() map[string]string {
	all := map[string]string{}
	for _, c := range r.Contests {
		switch c.Contest {
		case "latency", "delays":
			note := "ms, logarithmic: " + r.Settings.of(c.Contest)
			if c.Contest == "delays" {
				note += "; below 0 is early"
			}
			b := r.bars(c, note, "p50", "p99")
			b.Log = true
			all[c.Contest] = b.SVG()
		default:
			all[c.Contest] = r.bars(c, "tasks/s: "+r.Settings.of(c.Contest), "rate").SVG()
			cpu := r.bars(c, "CPU, µs a task, of the client's processes and the server's", costs[0].Name, costs[1].Name)
			cpu.Parts, cpu.Stacked = []string{"client", "server"}, true
			all[c.Contest+"-cpu"] = cpu.SVG()
		}
		if c.Contest == "drain" {
			memory := r.bars(c, "memory, MiB, the client's peak and the server's", memoryFigures[0].Name, memoryFigures[2].Name)
			memory.Parts = []string{"client", "server"}
			all[c.Contest+"-memory"] = memory.SVG()
		}
	}
	for _, g := range r.Growth {
		for _, figure := range g.figures() {
			all[g.Name+"-"+figure] = r.lines(g, figure).SVG()
		}
	}
	return all
}

// bars are one row for each entrant of a contest, with some of its figures. Who has not all of them says so.
func (r *peersReport) bars(c *result, note string, figures ...string) *chart.Bars {
	b := &chart.Bars{Title: c.Contest, Note: note}
	if len(figures) > 1 {
		b.Parts = figures
	}
	for _, e := range r.Entrants {
		line := chart.Row{Label: e.Name, Strong: e.Name == peerWarren}
		known := false
		for _, figure := range figures {
			for _, one := range c.Rows {
				if one.Entrant == e.Name {
					known = true
					if one.Figure == figure {
						line.Values = append(line.Values, one.Median)
					}
				}
			}
		}
		switch {
		case !known && !c.hasFailed(e.Name):
			continue // it does not take part
		case !known:
			line.Said = "given up"
		case len(line.Values) < len(figures):
			line.Values, line.Said = nil, "not known"
		}
		b.Rows = append(b.Rows, line)
	}
	return b
}

func (c *result) hasFailed(entrant string) bool {
	for _, one := range c.Out {
		if one.Entrant == entrant {
			return true
		}
	}
	return false
}

// figures are the names of what was measured, in their order.
func (g *growth) figures() []string {
	var names []string
	for _, l := range g.Lines {
		if l.Entrant == g.Lines[0].Entrant {
			names = append(names, l.Figure)
		}
	}
	return names
}

// lines are one for each entrant. An entrant has the same colour in all charts of growth.
func (r *peersReport) lines(g *growth, figure string) *chart.Lines {
	l := &chart.Lines{Title: fmt.Sprintf("%s: %s", g.Name, figure), Note: "tasks/s, " + g.What}
	for _, size := range g.Sizes {
		l.Sizes = append(l.Sizes, float64(size))
	}
	colours := map[string]string{}
	for i, e := range r.Entrants {
		colours[e.Name] = chart.Colour(i)
	}
	for _, one := range g.Lines {
		if one.Figure != figure {
			continue
		}
		s := chart.Series{Label: one.Entrant, Colour: colours[one.Entrant]}
		for _, p := range one.Points {
			s.Values = append(s.Values, p.Median)
		}
		if one.GivenUp != "" {
			s.Label += " (given up)"
		}
		l.Series = append(l.Series, s)
	}
	return l
}
