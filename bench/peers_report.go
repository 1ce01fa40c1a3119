package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// peersReport is everything that a bench with peers has found out.
type peersReport struct {
	About    peersAbout    `json:"about"`
	Settings peersSettings `json:"settings"`
	Entrants []peerAbout   `json:"entrants"`
	Absent   []absence     `json:"absent,omitempty"`
	Contests []*result     `json:"contests"`
	Growth   []*growth     `json:"growth"`
}

// peersAbout is what it was measured on.
type peersAbout struct {
	At       time.Time `json:"at"`
	Warren   string    `json:"warren"`
	Go       string    `json:"go"`
	Platform string    `json:"platform"`
	CPUs     int       `json:"cpus"`
}

// peerAbout is what an entrant is, and what it promises for its figures.
type peerAbout struct {
	Name       string `json:"name"`
	Versions   string `json:"versions"`
	Server     string `json:"server"`
	Settings   string `json:"settings"`
	Durability string `json:"durability"`
}

// holds reports whether every floor holds, as far as it was measured.
func (r *peersReport) holds() bool {
	for _, g := range r.Growth {
		if slowed, known := g.slowed(); known && slowed > slowedAllowed {
			return false
		}
	}
	return true
}

// slowed is by how much the largest number of delayed tasks makes what Warren runs now slower.
func (g *growth) slowed() (by float64, known bool) {
	if g.Name != delayedName {
		return 0, false
	}
	for _, l := range g.Lines {
		if l.Entrant == peerWarren {
			ratio, ok := l.change(len(g.Sizes))
			return 1 - ratio, ok
		}
	}
	return 0, false
}

// writeText writes the report for a reader.
func (r *peersReport) writeText(w io.Writer) error {
	out := &errorWriter{to: w}
	fmt.Fprintf(out, "Warren %s beside others, %s, %s, %d CPUs, %s\n",
		r.About.Warren, r.About.Go, r.About.Platform, r.About.CPUs, r.About.At.Format(time.RFC3339))
	fmt.Fprintf(out, "%d rounds in turn; medians, and the least and the greatest in brackets; ratios to the first line, taken round by round\n\n",
		r.Settings.Rounds)
	entrants := &table{header: []string{"entrant", "versions", "server", "settings", "what is on disk when it is confirmed"}, texts: []bool{true, true, true, true, true}}
	for _, e := range r.Entrants {
		entrants.rows = append(entrants.rows, []string{e.Name, e.Versions, e.Server, e.Settings, e.Durability})
	}
	entrants.write(out)
	for _, a := range r.Absent {
		fmt.Fprintf(out, "  %s is absent: %s\n", a.Entrant, oneLine(a.Reason))
	}
	for _, c := range r.Contests {
		fmt.Fprintf(out, "\n%s (%s): %s\n", c.Contest, r.Settings.of(c.Contest), c.What)
		c.table().write(out)
		for _, a := range c.Out {
			fmt.Fprintf(out, "  %s is out: %s\n", a.Entrant, oneLine(a.Reason))
		}
	}
	for _, g := range r.Growth {
		fmt.Fprintf(out, "\n%s (%d tasks of %d bytes, %d times each): %s\n", g.Name, r.Settings.GrowthTasks, r.Settings.PayloadBytes, r.Settings.GrowthTimes, g.What)
		g.table().write(out)
		if by, known := g.slowed(); known {
			fmt.Fprintf(out, "  Warren is slowed by %.0f %%, at most %.0f: %s\n", by*100, slowedAllowed*100,
				map[bool]string{true: "holds", false: "MISSED"}[by <= slowedAllowed])
		}
	}
	return out.err
}

// oneLine is a text without line breaks, and no longer than a reader will read.
func oneLine(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		return text[:most] + " ..."
	}
	return text
}

// of tells the settings of one contest.
func (s peersSettings) of(contest string) string {
	switch contest {
	case "latency":
		return fmt.Sprintf("%d tasks of %d bytes, %d/s", s.LatencyTasks, s.PayloadBytes, s.LatencyRate)
	case "delays":
		return fmt.Sprintf("%d tasks, %d/s, delayed by 0 to %s", s.Delays, s.DelayRate, s.DelayUpTo)
	default:
		return fmt.Sprintf("%d tasks of %d bytes, or those that were run within %s", s.Tasks, s.PayloadBytes, s.Limit)
	}
}

// table has a column for each size.
func (g *growth) table() *table {
	t := &table{header: []string{"", "tasks/s"}, texts: []bool{true, true}}
	for _, size := range g.Sizes {
		t.header = append(t.header, thousands(size))
	}
	t.header = append(t.header, "last to first", "")
	t.texts = append(t.texts, make([]bool, len(g.Sizes)+1)...)
	t.texts = append(t.texts, true)
	for _, l := range g.Lines {
		cells := []string{l.Entrant, l.Figure}
		for i := range g.Sizes {
			cell := "-"
			if i < len(l.Points) {
				cell = number(l.Points[i].Median, "tasks/s")
			}
			cells = append(cells, cell)
		}
		ratio := ""
		if change, ok := l.change(len(g.Sizes)); ok {
			ratio = number(change, "")
		}
		t.rows = append(t.rows, append(cells, ratio, oneLine(l.GivenUp)))
	}
	return t
}
