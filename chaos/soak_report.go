package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// write reports a soak.
func (v *soakVerdict) write(w io.Writer) error {
	var out strings.Builder
	a := v.Account
	fmt.Fprintf(&out, "\nsoak: %s; %d tasks at %d/s in %s\n\n", v.Broker, a.Published, v.Rate, a.Took.Round(time.Second))
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "process\tmeasure\t2nd quarter\tlast quarter\tat most\tan hour\t\t")
	for i, s := range v.Series {
		says, most := "flat", fmt.Sprintf("%.1f", v.Trends[i].Allowed)
		switch {
		case !s.judged():
			says, most = "", ""
		case !v.Trends[i].Flat:
			says = "NOT FLAT"
		}
		fmt.Fprintf(t, "%s\t%s\t%.1f\t%.1f\t%s\t%+.1f\t%s\t\n",
			s.Of, s.Measure.Name, v.Trends[i].Second, v.Trends[i].Last, most, v.Trends[i].PerHour, says)
	}
	_ = t.Flush() // the writer is a buffer
	fmt.Fprintf(&out, "\npublished %d, done %d, dead %d, lost %d; %d results waited for; ticks emitted %d, run %d\n",
		a.Published, a.Done, a.Dead, a.Lost, a.Results, a.Emitted, a.Ticks)
	if len(v.Findings) == 0 {
		out.WriteString("verdict: flat: everything that was published was run, nothing grew\n")
	} else {
		fmt.Fprintf(&out, "verdict: DOES NOT HOLD: %d findings\n", len(v.Findings))
	}
	for i, finding := range v.Findings {
		if i == maxFindings {
			fmt.Fprintf(&out, "  and %d more\n", len(v.Findings)-i)
			break
		}
		fmt.Fprintf(&out, "  %s\n", finding)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
