package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// act is what one command has done.
type act struct {
	name   string
	looked int // letters it has looked at, 0 where nothing tells
	done   int // letters it has counted, replayed or dropped
	took   time.Duration
	peak   int64
}

// write reports a run.
func (m *mailroom) write(w io.Writer, v *letterVerdict) error {
	var out strings.Builder
	n := len(m.plan.tasks)
	fmt.Fprintf(&out, "\nletters: %s; %d tasks, enqueued in %s (%s a second), all dead after %s; over after %s\n\n%s\n",
		m.broker.Source, n, tenths(m.enqueued), perSecond(n, m.enqueued), tenths(m.died), tenths(m.took), m.table)
	m.writeActs(&out)
	e := &m.evidence
	fmt.Fprintf(&out, "\nkilled when %d tasks had succeeded; %d of the %d letters were left, so %d were doubled (at most %d may be)\n",
		e.atKill.done, e.atKill.dead, n, v.both, pendingAtMost)
	fmt.Fprintf(&out, "replayed: %d tasks have succeeded, %d duplicates; the %d others are as they were, %d of them out of order after the kill\n",
		v.succeeded, v.duplicates, len(e.replayed), v.shuffled)
	fmt.Fprintf(&out, "mended: %s; at the end %d letters are left\n", m.plan.mended.id, len(e.left))
	v.write(&out)
	fmt.Fprintf(&out, "the same tasks again: %s\n", m.options.command())
	_, err := io.WriteString(w, out.String())
	return err
}

// writeActs tells what the commands have done.
func (m *mailroom) writeActs(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	width := 0
	for _, a := range m.acts {
		width = max(width, len(a.name))
	}
	fmt.Fprintf(t, "%-*s\tlooked at\tdone\ttook\tdone a second\tlooked at a second\tpeak memory\t\n", width, "warren dead")
	for _, a := range m.acts {
		looked, pace := "-", "-"
		if a.looked > 0 {
			looked, pace = strconv.Itoa(a.looked), perSecond(a.looked, a.took)
		}
		fmt.Fprintf(t, "%-*s\t%s\t%d\t%s\t%s\t%s\t%.1f MiB\t\n",
			width, a.name, looked, a.done, a.took.Round(10*time.Millisecond), perSecond(a.done, a.took), pace, float64(a.peak)/(1<<20))
	}
	_ = t.Flush() // the writer is a buffer
}

func tenths(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

func perSecond(n int, took time.Duration) string {
	return fmt.Sprintf("%.0f", float64(n)/took.Seconds())
}

// write tells whether all is well, and else what is not.
func (v *letterVerdict) write(w io.Writer) {
	if v.holds() {
		fmt.Fprintf(w, "verdict: holds: lost %d, doubled %d\n", v.lost, v.duplicates)
		return
	}
	fmt.Fprintf(w, "verdict: DOES NOT HOLD: lost %d, doubled %d, %d findings\n", v.lost, v.duplicates, len(v.findings))
	for i, finding := range v.findings {
		if i == maxFindings {
			fmt.Fprintf(w, "  and %d more\n", len(v.findings)-i)
			return
		}
		fmt.Fprintf(w, "  %s\n", finding)
	}
}
