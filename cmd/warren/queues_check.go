package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/warrenmq/warren/alerts"
)

// printCheck prints what is wrong and nothing else, tells on stderr what could not be checked, and returns
// errFinding where that is a failure.
func (c *cli) printCheck(o *overview, known *facts, f *queuesFlags) error {
	if f.asJSON {
		lines := c.lines()
		for i := range o.report.Findings {
			if err := lines.Encode(&o.report.Findings[i]); err != nil {
				return err
			}
		}
	} else if err := writeFindings(c.stdout, o.report.Findings, c.colour()); err != nil {
		return err
	}
	c.noteUnchecked(o, known)
	if len(o.report.Findings) > 0 || f.strict && len(o.report.Unchecked) > 0 {
		return errFinding
	}
	return nil
}

// writeFindings writes each finding in two lines: what is wrong, and what to do.
func writeFindings(w io.Writer, findings []alerts.Finding, colour bool) error {
	for i := range findings {
		f := &findings[i]
		severity := string(f.Severity)
		if colour {
			severity = colourOf(f.Severity) + severity + plain
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n  %s\n", severity, finding(f), f.Remedy); err != nil {
			return err
		}
	}
	return nil
}

// finding says what is wrong with what.
func finding(f *alerts.Finding) string {
	if f.Queue == "" {
		return f.Text
	}
	return f.Queue + ": " + f.Text
}

// noteUnchecked says which conditions nobody can tell of, and why.
func (c *cli) noteUnchecked(o *overview, known *facts) {
	var names []string
	for _, u := range o.report.Unchecked {
		if u.Condition != alerts.NoLeader && !slices.Contains(names, string(u.Condition)) {
			names = append(names, string(u.Condition))
		}
	}
	if len(names) > 0 {
		c.notef("not checked: %s: %v", strings.Join(names, ", "), known.windowErr)
	}
	if known.leaderErr != nil && slices.ContainsFunc(o.report.Unchecked, func(u alerts.Unchecked) bool { return u.Condition == alerts.NoLeader }) {
		c.notef("not checked: %s: %v", alerts.NoLeader, known.leaderErr)
	}
}
