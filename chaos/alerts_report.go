package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// write reports a run.
func (s *site) write(w io.Writer, v *alertVerdict) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\nalerts: %s; the shipped rules, %d times as fast; over after %s\n\n", s.broker.Source, s.options.pace, tenths(s.took))
	v.writeRows(&out)
	if len(v.besides) > 0 {
		fmt.Fprintf(&out, "\nand, as further consequences: %s\n", v.consequences())
	}
	fmt.Fprintf(&out, "\ndashboard: %d expressions asked, %d have shown something\n", s.dashboard.asked, s.dashboard.shown)
	if v.holds() {
		fmt.Fprintf(&out, "verdict: holds: each of %d alerts fired for its cause and ended after it, and none without one\n", len(v.rows))
	} else {
		fmt.Fprintf(&out, "verdict: DOES NOT HOLD: %d findings\n", len(v.findings))
	}
	for _, finding := range v.findings {
		fmt.Fprintf(&out, "  %s\n", finding)
	}
	fmt.Fprintf(&out, "the same again: %s\n", s.options.command())
	_, err := io.WriteString(w, out.String())
	return err
}

// consequences tells what fired beside what was expected, each once.
func (v *alertVerdict) consequences() string {
	var names []string
	for _, b := range v.besides {
		names = append(names, expectation{b.name, shownLabels(b.labels)}.String())
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// shownLabels are those that tell what an alert is of.
func shownLabels(labels map[string]string) map[string]string {
	shown := maps.Clone(labels)
	maps.DeleteFunc(shown, func(name, _ string) bool { return !slices.Contains([]string{"queue", "instance"}, name) })
	return shown
}

// writeRows is the table: when each cause began and ended, and how long after each its alerts did.
func (v *alertVerdict) writeRows(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "cause\talert\tcause began\tfired after\tcause ended\tresolved after")
	for _, r := range v.rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.cause, r.expected, clockOf(r.began), after(r.began, r.fired),
			clockOf(r.ended), after(r.ended, r.resolved))
	}
	_ = t.Flush() // the writer is a buffer
}

// after writes how long after one moment another came.
func after(from, to time.Time) string {
	if to.IsZero() {
		return "NEVER"
	}
	return tenths(to.Sub(from)).String()
}
