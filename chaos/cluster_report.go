package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// write reports a run.
func (v *clusterVerdict) write(w io.Writer, s *stage) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\ncluster: %d nodes, each a %s; %d publishers, %d queues, %d workers, %d schedulers; %d tasks at %d/s; over after %s\n\n",
		clusterNodes, s.source, loadPublishers, loadQueues, loadWorkers, len(s.arena.urls), v.published, s.options.rate, tenths(s.took))
	v.writeAccounts(&out)
	v.writeRepeats(&out)
	v.writeStalls(&out)
	out.WriteString("\n")
	v.ticks.writeCounts(&out, s.arena.entries)
	v.ticks.writeRepeats(&out)
	v.writeVerdict(&out)
	fmt.Fprintf(&out, "the same faults again: %s\n", s.options.command())
	_, err := io.WriteString(w, out.String())
	return err
}

// name is what an account is called.
func (a *nodeAccount) name() string {
	if a.none {
		return "before any fault"
	}
	return a.String()
}

// writeAccounts tells what each fault came to.
func (v *clusterVerdict) writeAccounts(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "fault\tat\tlasted\tno confirm for\tone confirm took\tno run for\tone task waited\tno tick for\tlease\tlost\tduplicates")
	for _, a := range v.accounts {
		duplicates := 0
		for _, n := range a.repeats {
			duplicates += n
		}
		lasted := "-"
		if !a.none {
			lasted = tenths(a.to.Sub(a.from)).String()
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\n", a.name(), clockOf(a.from), lasted, shownStall(a.publishing),
			tenths(a.confirm), shownStall(a.running), tenths(a.wait), shownStall(a.ticking), a.lease(), a.lost, duplicates)
	}
	_ = t.Flush()
}

// shownStall is the longest of some stalls as text.
func shownStall(all []stall) string {
	if len(all) == 0 {
		return "-"
	}
	return tenths(longest(all)).String()
}

// lease tells what became of the leadership.
func (a *nodeAccount) lease() string {
	switch n := len(a.reigns); {
	case a.none && n == 1:
		return "taken"
	case n == 0:
		return "kept"
	case n == 1:
		return "changed once"
	default:
		return fmt.Sprintf("changed %d times", n)
	}
}

// writeRepeats tells the duplicates by cause.
func (v *clusterVerdict) writeRepeats(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nduplicates by cause")
	for _, a := range v.accounts {
		fmt.Fprintf(t, "\t%s", a.name())
	}
	fmt.Fprintln(t)
	for why := range againCauses {
		fmt.Fprint(t, why)
		for _, a := range v.accounts {
			fmt.Fprintf(t, "\t%d", a.repeats[why])
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush()
}

// writeStalls lists all stalls.
func (v *clusterVerdict) writeStalls(w io.Writer) {
	fmt.Fprintf(w, "\nstalls of %s and longer:\n", stallFrom)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, a := range v.accounts {
		all := slices.Concat(a.publishing, a.running, a.ticking, a.idle)
		byBegin(all)
		for _, s := range all {
			kind := "no run"
			switch {
			case slices.Contains(a.publishing, s):
				kind = "no confirm"
			case slices.Contains(a.ticking, s):
				kind = "no tick"
			case slices.Contains(a.idle, s):
				kind = "no run (others run on)"
			}
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", clockOf(s.from), tenths(s.length()), kind, s.what, a.since(s.from))
		}
	}
	_ = t.Flush()
}

// writeVerdict tells whether all is well, and else what is not.
func (v *clusterVerdict) writeVerdict(w io.Writer) {
	var most time.Duration
	for _, a := range v.accounts {
		most = max(most, longest(a.publishing), longest(a.running), longest(a.ticking))
	}
	if v.holds() {
		fmt.Fprintf(w, "verdict: holds: lost 0, early 0, unexplained 0, no stall over %s (longest %s), %d reigns, never two at once\n",
			stallLimit, tenths(most), len(v.ticks.reigns))
		return
	}
	fmt.Fprintf(w, "verdict: DOES NOT HOLD: lost %d, early %d, longest stall %s, %d findings\n", v.lost, v.early, tenths(most), len(v.findings))
	for i, finding := range v.findings {
		if i == maxFindings {
			fmt.Fprintf(w, "  and %d more\n", len(v.findings)-i)
			return
		}
		fmt.Fprintf(w, "  %s\n", finding)
	}
}
