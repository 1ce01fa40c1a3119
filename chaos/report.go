package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// maxFindings is how many findings are told one by one.
const maxFindings = 20

// report is what a run has come to.
type report struct {
	*field
	tasks *verdict
	ticks *tickVerdict
}

// write reports a run.
func (r report) write(w io.Writer) error {
	v, p := r.tasks, r.plan
	var out strings.Builder
	fmt.Fprintf(&out, "\nchaos: %s; %d tasks, %d/s, %d workers, %d schedulers; over after %s\n\n",
		r.broker.Source, len(p.tasks), p.rate, mortals+spared, schedulers, r.took.Round(100*time.Millisecond))
	v.writeKinds(&out)
	out.WriteString("\n")
	v.writeDuplicates(&out)
	out.WriteString("\n")
	writeDamages(&out, r.evidence.damages)
	r.writePublisher(&out)
	fmt.Fprintf(&out, "\nstarted %d tasks, finished %d of them; %d runs were cut short by a kill, and run again\n",
		v.started, v.finished, v.cutShort)
	calm := v.lateness.calm
	fmt.Fprintf(&out, "lateness of the %d starts that no fault touched: p50 %s, p99 %s, max %s\n", len(calm),
		shownQuantile(calm, 0.5), shownQuantile(calm, 0.99), shownQuantile(calm, 1))
	fmt.Fprintf(&out, "late by up to %s since RabbitMQ was stopped while it handed them from rung to rung of the delay ladder: %d\n",
		handOver, v.lateness.handedOver)
	fmt.Fprintf(&out, "priorities: %d times two that waited in line could be compared, %d times inverted\n\n",
		v.order.compared, v.order.inverted)
	r.ticks.writeCounts(&out, killEntries)
	r.ticks.writeRepeats(&out)
	fmt.Fprintf(&out, "%d reigns; ", len(r.ticks.reigns))
	r.ticks.writeLateness(&out)
	r.writeVerdict(&out)
	fmt.Fprintf(&out, "the same plan again: %s\n", p.command())
	_, err := io.WriteString(w, out.String())
	return err
}

// writeDamages tells what was done to the system.
func writeDamages(w io.Writer, damages []damage) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	width := 0
	for k := range faultKinds {
		width = max(width, len(k.String()))
	}
	fmt.Fprintf(t, "%-*s\ttimes\taltogether\tlongest\t\n", width, "faults")
	for k := range faultKinds {
		count, sum, longest := 0, time.Duration(0), time.Duration(0)
		for _, d := range damages {
			if d.kind == k {
				took := d.to.Sub(d.from)
				count, sum, longest = count+1, sum+took, max(longest, took)
			}
		}
		fmt.Fprintf(t, "%-*s\t%d\t%s\t%s\t\n", width, k, count, sum.Round(100*time.Millisecond), longest.Round(100*time.Millisecond))
	}
	_ = t.Flush() // the writer is a buffer
}

// writePublisher tells what publishing was like, and who ended by itself.
func (r report) writePublisher(w io.Writer) {
	unconfirmed := 0
	for _, publication := range r.evidence.published {
		unconfirmed += publication.unconfirmed
	}
	fmt.Fprintf(w, "publisher: %d times unconfirmed and sent again, %d times not sent and tried again\n",
		unconfirmed, r.publisher.refusals.Load())
	for _, q := range r.evidence.quits {
		fmt.Fprintf(w, "ended by itself, and was started again: %s\n", q)
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
	row("tasks", "published", "done", "dead", "parked", "lost", "early", "late", "starts", "duplicates")
	for i := range kinds {
		if one := v.lines[&kinds[i]]; one != nil {
			row(kinds[i].name, one.cells()...)
		}
	}
	row("all", v.total.cells()...)
	_ = t.Flush()
}

// cells are the numbers as text.
func (l line) cells() []string {
	var cells []string
	for _, n := range []int{l.published, l.done, l.dead, l.parked, l.lost, l.early, l.late, l.starts, l.duplicates} {
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
func (r report) writeVerdict(w io.Writer) {
	v := r.tasks
	missing := 0
	for _, count := range r.ticks.counts {
		missing += count.missing
	}
	wrong := v.runs[unexplained] + v.letters[unexplained]
	sum := fmt.Sprintf("lost %d, early %d, late %d, unexplained %d, inverted %d, ticks missing %d, twice for no reason %d",
		v.total.lost, v.total.early, v.total.late, wrong, v.order.inverted, missing, r.ticks.repeats[repeatUnexplained])
	if v.holds() && r.ticks.holds() {
		fmt.Fprintf(w, "verdict: holds: %s; queues empty\n", sum)
		return
	}
	findings := slices.Concat(v.findings, r.ticks.findings)
	fmt.Fprintf(w, "verdict: DOES NOT HOLD: %s; %d findings\n", sum, len(findings))
	for i, finding := range findings {
		if i == maxFindings {
			fmt.Fprintf(w, "  and %d more\n", len(findings)-i)
			return
		}
		fmt.Fprintf(w, "  %s\n", finding)
	}
}
