package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// maxFindings is how many findings are told one by one.
const maxFindings = 20

// write reports a run.
func (v *verdict) write(w io.Writer, p *plan, f *field) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\nfault: %s; %d tasks, %d/s, by %d workers that are killed in turn and %d that is spared; over after %s\n",
		f.broker.Source, len(p.tasks), p.rate, p.workers, p.spared, f.took.Round(100*time.Millisecond))
	v.writeFaults(&out, p, f)
	out.WriteString("\n")
	v.writeKinds(&out)
	out.WriteString("\n")
	v.writeDuplicates(&out)
	fmt.Fprintf(&out, "\nstarted %d tasks, finished %d of them; %d runs were cut short by a kill, and run again\n",
		v.started, v.finished, v.cutShort)
	v.writeVerdict(&out)
	fmt.Fprintf(&out, "the same plan again: %s\n", p.command())
	_, err := io.WriteString(w, out.String())
	return err
}

// writeFaults tells what was done to the system.
func (v *verdict) writeFaults(w io.Writer, p *plan, f *field) {
	var away []string
	for _, outage := range f.evidence.outages {
		away = append(away, outage.to.Sub(outage.from).Round(100*time.Millisecond).String())
	}
	how := "stopped and started again"
	if p.hard {
		how = "killed and started again"
	}
	fmt.Fprintf(w, "faults: a worker killed %d times, each %s; the broker %s %d times, away for %s\n",
		len(f.evidence.deaths), p.killEvery, how, len(away), strings.Join(away, ", "))
	unconfirmed := 0
	for _, publication := range f.evidence.published {
		unconfirmed += publication.unconfirmed
	}
	fmt.Fprintf(w, "publisher: %d times unconfirmed and sent again, %d times not sent and tried again\n",
		unconfirmed, f.publisher.refusals.Load())
	if len(f.byself) > 0 {
		fmt.Fprintf(w, "workers that ended by themselves, and were started again: %s\n", strings.Join(f.byself, "; "))
	}
}

// writeKinds is the account kind by kind.
func (v *verdict) writeKinds(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	width := 0
	for _, k := range kinds {
		width = max(width, len(k.name))
	}
	row := func(name string, cells ...string) {
		fmt.Fprintf(t, "%-*s\t%s\t\n", width, name, strings.Join(cells, "\t"))
	}
	row("tasks", "published", "done", "dead", "parked", "lost", "early", "starts", "duplicates")
	for i := range kinds {
		if one := v.lines[&kinds[i]]; one != nil {
			row(kinds[i].name, one.cells()...)
		}
	}
	row("all", v.total.cells()...)
	_ = t.Flush() // the writer is a buffer
}

// cells are the numbers as text.
func (l line) cells() []string {
	var cells []string
	for _, n := range []int{l.published, l.done, l.dead, l.parked, l.lost, l.early, l.starts, l.duplicates} {
		cells = append(cells, strconv.Itoa(n))
	}
	return cells
}

// writeDuplicates tells the duplicates by cause.
func (v *verdict) writeDuplicates(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	width := 0
	for c := range causes {
		width = max(width, len(c.String()))
	}
	fmt.Fprintf(t, "%-*s\truns\tletters\t\n", width, "duplicates by cause")
	for c := range causes {
		fmt.Fprintf(t, "%-*s\t%d\t%d\t\n", width, c, v.runs[c], v.letters[c])
	}
	_ = t.Flush()
}

// writeVerdict tells whether all is well, and else what is not.
func (v *verdict) writeVerdict(w io.Writer) {
	if v.holds() {
		fmt.Fprintf(w, "verdict: holds: lost %d, early %d, unexplained 0, queues empty\n", v.total.lost, v.total.early)
		return
	}
	fmt.Fprintf(w, "verdict: DOES NOT HOLD: lost %d, early %d, unexplained %d, %d findings\n",
		v.total.lost, v.total.early, v.runs[unexplained]+v.letters[unexplained], len(v.findings))
	for i, finding := range v.findings {
		if i == maxFindings {
			fmt.Fprintf(w, "  and %d more\n", len(v.findings)-i)
			return
		}
		fmt.Fprintf(w, "  %s\n", finding)
	}
}
