package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/tasks"
)

// drawEvery is how often a progress bar is drawn anew.
const drawEvery = 100 * time.Millisecond

// sweepReport is what became of letters, and what is told of it meanwhile and in the end.
type sweepReport struct {
	*sweeping
	dryRun   bool
	counts   deadletter.Counts
	groups   deadletter.Groups // of what was chosen, in a dry run
	failures deadletter.Groups // by why they failed

	bar   *progressBar
	total int // letters that lay there
	began time.Time
	drawn time.Time
}

func newSweepReport(s *sweeping) *sweepReport {
	return &sweepReport{sweeping: s, bar: newProgressBar(s.cli.stderr)}
}

// pass has a sweep done, under a progress bar on a terminal.
func (r *sweepReport) pass(ctx context.Context, sweep deadletter.Sweep) error {
	if r.bar.width > 0 {
		depth, err := r.client.Depth(ctx, r.queue)
		if err != nil {
			return err
		}
		r.total, r.began = depth.Ready, r.cli.now()
		sweep.Progress = r.progress
	}
	var err error
	r.counts, err = r.sweep(ctx, sweep)
	r.bar.clear()
	return err
}

// progress draws the bar, from time to time.
func (r *sweepReport) progress(counts deadletter.Counts) {
	now := r.cli.now()
	if now.Sub(r.drawn) < drawEvery {
		return
	}
	r.drawn = now
	done := counts.Replayed + counts.Dropped + counts.AtLimit + counts.Again + counts.Failed
	share := float64(counts.Unchosen+done) / float64(max(r.total, counts.Seen, 1))
	if limit := r.filter.Limit; limit > 0 {
		share = max(share, float64(done)/float64(limit))
	}
	r.bar.show(tasks.ProgressEvent{Percent: 100 * min(share, 1), Note: fmt.Sprintf("%s, %s/s",
		r.text(counts), thousands(int(float64(counts.Seen)/max(now.Sub(r.began).Seconds(), 1))))})
}

// tell takes in what became of a letter that was chosen. It reports whether its payload was changed.
func (r *sweepReport) tell(o deadletter.Outcome) bool {
	if o.Fate == deadletter.Failed {
		failure := *o.Record
		failure.Reason, failure.Error = "", failureText(o.Err)
		r.failures.Add(&failure)
	}
	if r.dryRun {
		record := *o.Record
		record.Error = r.keys.errorText(o.Record)
		r.groups.Add(&record)
	}
	return r.mending.wasMended(o.Record.ID)
}

// failureText is why a letter could not be replayed. Which one it is, and where it was to go, would tell
// failures apart that are the same.
func failureText(err error) string {
	if publish := new(broker.PublishError); errors.As(err, &publish) {
		err = publish.Err
	}
	return err.Error()
}

// chosen is how many letters the filter chose.
func (r *sweepReport) chosen() int {
	c := r.counts
	return c.Replayed + c.Dropped + c.AtLimit + c.Again + c.Failed
}

// text says what became of letters.
func (r *sweepReport) text(c deadletter.Counts) string {
	would := ""
	if r.dryRun {
		would = "would be "
	}
	if r.kind == history.Dropped {
		return thousands(c.Dropped) + " " + would + "dropped"
	}
	parts := []string{thousands(c.Replayed) + " " + would + "replayed"}
	if c.AtLimit > 0 {
		parts = append(parts, thousands(c.AtLimit)+" left at "+plural(r.maxReplays, "replay"))
	}
	if c.Again > 0 {
		parts = append(parts, thousands(c.Again)+" dead again")
	}
	return strings.Join(append(parts, thousands(c.Failed)+" failed"), ", ")
}

// sweepResult is the report in JSON.
type sweepResult struct {
	Queue string `json:"queue"`
	deadletter.Counts
	DryRun      bool               `json:"dry_run,omitempty"`
	Interrupted bool               `json:"interrupted,omitempty"`
	Groups      []deadletter.Group `json:"groups,omitempty"`
	Failures    []sweepFailure     `json:"failures,omitempty"`
	// Mended is one of the letters in a dry run, as --set would change it.
	Mended *mendedLetter `json:"mended,omitempty"`
}

// sweepFailure is letters that failed for the same.
type sweepFailure struct {
	Count   int    `json:"count"`
	Keys    string `json:"keys"`
	Error   string `json:"error"`
	Example string `json:"example,omitempty"`
	// ExampleError is the error of one of them, where it says more.
	ExampleError string `json:"example_error,omitempty"`
}

// newSweepFailure tells a group of failures.
func newSweepFailure(g *deadletter.Group) sweepFailure {
	f := sweepFailure{Count: g.Count, Keys: g.Keys, Error: g.Error, Example: g.Example}
	if g.ExampleError != g.Error {
		f.ExampleError = g.ExampleError
	}
	return f
}

// String tells it for people: of one letter its own error.
func (f *sweepFailure) String() string {
	text, such := f.Error, f.Example
	switch {
	case f.ExampleError != "" && f.Count == 1:
		text = f.ExampleError
	case f.ExampleError != "":
		such = strings.TrimPrefix(such+": "+f.ExampleError, ": ")
	}
	if such != "" {
		such = " (such as " + such + ")"
	}
	return onOneLine(fmt.Sprintf("%s of %s failed: %s%s", thousands(f.Count), f.Keys, text, such))
}

// end prints the report. The error is that of the sweep, or [errFinding] where something that was chosen
// is still there.
func (r *sweepReport) end(ctx context.Context, err error) error {
	c := r.cli
	interrupted := err != nil && ctx.Err() != nil
	if r.chosen() == 0 && err == nil {
		if r.flags.id != "" {
			return fmt.Errorf("no letter in %s is of a task with the ID %q", r.queue, r.flags.id)
		}
		c.notef("no letter in %s is one of these", r.queue)
	}
	var failures []sweepFailure
	for _, g := range r.failures.List() {
		failures = append(failures, newSweepFailure(&g))
	}
	if r.flags.asJSON {
		result := sweepResult{Queue: r.queue, Counts: r.counts, DryRun: r.dryRun, Interrupted: interrupted, Groups: r.groups.List(), Failures: failures}
		if r.dryRun {
			result.Mended = r.mending.example()
		}
		if err := c.lines().Encode(result); err != nil {
			return err
		}
	} else if r.counts.Seen > 0 && (r.chosen() > 0 || err != nil) {
		if _, err := fmt.Fprintln(c.stdout, r.text(r.counts)); err != nil {
			return err
		}
	}
	if m := r.mending.example(); m != nil && r.dryRun && !r.flags.asJSON {
		if _, err := fmt.Fprintf(c.stdout, "such as %s with %s\n", orUnknown(m.ID), onOneLine(m.Payload)); err != nil {
			return err
		}
	}
	for _, f := range failures {
		c.notef("%s", &f)
	}
	if r.counts.Doubtful > 0 {
		c.notef("%s may be there twice: the connection was lost before RabbitMQ had said", plural(r.counts.Doubtful, "letter"))
	}
	switch left := r.counts.AtLimit + r.counts.Again + r.counts.Failed; {
	case interrupted:
		c.notef("interrupted: the others are still in %s", r.queue)
		return errFinding
	case errors.Is(err, broker.ErrHeldTooLong):
		c.notef("the others are still in %s: run it again, and it goes on with them", r.queue)
		return err
	case err != nil:
		return err
	case left > 0:
		return errFinding
	}
	return nil
}

// thousands writes a number with commas: 60,000.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// plural writes how many of something there are.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}
