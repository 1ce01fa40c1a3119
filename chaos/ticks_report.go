package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// writeOutages tells when the broker was away.
func (v *tickVerdict) writeOutages(w io.Writer, outages []span) {
	var away []string
	for _, o := range outages {
		away = append(away, fmt.Sprintf("%s from %s", o.to.Sub(o.from).Round(100*time.Millisecond), clockOf(o.from)))
	}
	fmt.Fprintf(w, "broker away: %s\n", strings.Join(away, ", "))
}

// writeCounts is the account entry by entry.
func (v *tickVerdict) writeCounts(w io.Writer, entries []timetable) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "entry\tticks\tmissing\tearly\temitted again\tgiven out again by the broker")
	for _, entry := range entries {
		c := v.counts[entry.name]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\n", entry.name, c.ticks, c.missing, c.early, c.repeats, c.redelivered)
	}
	_ = t.Flush() // the writer is a buffer
}

// writeRepeats tells why ticks were emitted again, each under its one ID.
func (v *tickVerdict) writeRepeats(w io.Writer) {
	for why := range repeats {
		if n := v.repeats[why]; n > 0 {
			fmt.Fprintf(w, "emitted again, since %s: %d\n", why, n)
		}
	}
}

// gapKinds are the kinds of gaps that are told, in their order.
var gapKinds = []struct {
	name    string
	end     reignEnd
	excused bool
}{
	{"leader killed", reignKilled, false},
	{"leader asked to stop", reignStopped, false},
	{"leader lost the lease by itself", reignLapsed, false},
	{"any of them, the broker away", -1, true},
}

// writeGaps lists the times without a leader.
func (v *tickVerdict) writeGaps(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "time until\tnumber\tanother leads, p50\tmax\tit emits a tick, p50\tmax")
	for _, kind := range gapKinds {
		var leading, tick []time.Duration
		for _, g := range v.gaps {
			if g.excused != kind.excused || !kind.excused && g.end != kind.end {
				continue
			}
			if g.leading >= 0 {
				leading = append(leading, g.leading)
			}
			if g.tick >= 0 {
				tick = append(tick, g.tick)
			}
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", kind.name, len(leading),
			shownQuantile(leading, 0.5), shownQuantile(leading, 1), shownQuantile(tick, 0.5), shownQuantile(tick, 1))
	}
	_ = t.Flush()
	for _, g := range v.gaps {
		reason := ""
		if g.end == reignLapsed {
			reason = ": " + g.reason
		}
		fmt.Fprintf(w, "  %s %s %s: %s, %s%s\n", clockOf(g.from), g.process, g.end, shownGap(g.leading), shownGap(g.tick), reason)
	}
}

// shownGap is a time as text, a dash where there is none.
func shownGap(d time.Duration) string {
	if d < 0 {
		return "-"
	}
	return d.Round(time.Millisecond).String()
}

func shownQuantile(all []time.Duration, part float64) string {
	if len(all) == 0 {
		return "-"
	}
	return shownGap(quantile(all, part))
}

// writeLateness tells how late ticks came.
func (v *tickVerdict) writeLateness(w io.Writer) {
	fmt.Fprintf(w, "lateness of a tick: p50 %s, p99 %s, max %s\n",
		shownQuantile(v.lateness, 0.5), shownQuantile(v.lateness, 0.99), shownQuantile(v.lateness, 1))
}

// writeVerdict tells whether all is well, and else what is not.
func (v *tickVerdict) writeVerdict(w io.Writer) {
	if v.holds() {
		fmt.Fprintf(w, "verdict: holds: %d reigns, never two at once; every tick under one ID, none early\n", len(v.reigns))
		return
	}
	fmt.Fprintf(w, "verdict: DOES NOT HOLD: %d findings\n", len(v.findings))
	for i, finding := range v.findings {
		if i == maxFindings {
			fmt.Fprintf(w, "  and %d more\n", len(v.findings)-i)
			return
		}
		fmt.Fprintf(w, "  %s\n", finding)
	}
}

// writeAccounts tells what became of the ticks around an outage.
func writeAccounts(w io.Writer, accounts []awayAccount) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "catch_up\ton time before\tcaught up\tskipped\ton time after")
	for _, a := range accounts {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\n", a.policy, a.before, a.caughtUp, a.skipped, a.after)
	}
	_ = t.Flush()
}
