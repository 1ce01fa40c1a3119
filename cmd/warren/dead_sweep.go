package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/history"
)

// sweepFlags are what replay and drop have in common on the command line.
type sweepFlags struct {
	letterFlags
	rate   float64
	dryRun bool
	yes    bool
	asJSON bool
}

func (f *sweepFlags) add(cmd *cobra.Command) {
	f.letterFlags.add(cmd)
	flags := cmd.Flags()
	flags.Float64Var(&f.rate, "rate", 0, "at most `N` letters a second (default as many as can be)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be done, and do nothing")
	flags.BoolVar(&f.yes, "yes", false, "do it without asking")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object")
}

func (f *sweepFlags) check(cmd *cobra.Command, args []string) error {
	if !(f.rate >= 0) || math.IsInf(f.rate, 0) {
		return fmt.Errorf("--rate: %v is no number of letters", f.rate)
	}
	return f.oneSource(cmd, args)
}

// sweeping is one run of replay or drop.
type sweeping struct {
	cli    *cli
	flags  *sweepFlags
	cfg    *config.Config
	keys   letterKeys
	client *broker.Client
	queue  string
	filter deadletter.Filter

	// kind is what is done with a letter, and asks whether somebody is to be asked before.
	kind history.Kind
	asks bool
	// mending is nil where payloads stay as they are; one says that it is of one letter, which is edited.
	mending *mending
	one     bool
	// maxReplays is where replay leaves letters.
	maxReplays int
	// sweep does it.
	sweep func(context.Context, deadletter.Sweep) (deadletter.Counts, error)
}

// errNobody is a question that nobody is there to answer.
var errNobody = usageError{errors.New("nobody is here to be asked: look with --dry-run, then give --yes")}

// prepare reads what the command line and the configuration say, and connects. The client is to be
// closed where there is no error.
func (s *sweeping) prepare(ctx context.Context, args []string) error {
	c, f := s.cli, s.flags
	var err error
	if s.filter, err = f.filter(c.now()); err != nil {
		return err
	}
	s.asks = !f.yes && !f.dryRun && (s.kind == history.Dropped || s.filter.All() && !s.one)
	if s.asks && !c.terminal {
		return errNobody
	}
	if s.cfg, err = c.load(); err != nil {
		return err
	}
	if s.filter.Error != "" || s.asks || f.dryRun || s.mending != nil {
		if s.keys, err = readingKeys(s.cfg); err != nil {
			return err
		}
		s.filter.ErrorText = s.keys.errorText
	}
	s.client, s.queue, err = c.connectTo(ctx, s.cfg, &f.letterFlags, args)
	return err
}

// run shows what would be done, asks, and does it, as far as the flags have it so.
func (s *sweeping) run(ctx context.Context) error {
	if s.flags.dryRun {
		report, err := s.preview(ctx)
		if err != nil {
			return s.undone(ctx, err)
		}
		if !s.flags.asJSON && report.chosen() > 0 {
			if err := s.cli.printGroups(report.groups.List(), false, false); err != nil {
				return err
			}
		}
		return report.end(ctx, nil)
	}
	if s.asks {
		sure, err := s.ask(ctx)
		if err != nil || !sure {
			return s.undone(ctx, err)
		}
	}
	return s.do(ctx)
}

// undone is the error of a run that ended before anything was done.
func (s *sweeping) undone(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	s.cli.notef("interrupted: nothing was done")
	return errFinding
}

// ask shows what would be done, asks whether to do it, and bounds it to what was shown.
func (s *sweeping) ask(ctx context.Context) (bool, error) {
	report, err := s.preview(ctx)
	if err != nil {
		return false, err
	}
	chosen := report.chosen()
	if chosen == 0 {
		return false, report.end(ctx, nil)
	}
	stdout := s.cli.stdout
	s.cli.stdout = &output{Writer: s.cli.stderr} // stdout is for what was done
	err = s.cli.printGroups(report.groups.List(), false, false)
	s.cli.stdout = stdout
	if err != nil {
		return false, err
	}
	question := "Replay %s of %s?"
	if s.kind == history.Dropped {
		question = "Drop %s of %s for good?"
	}
	sure, err := s.cli.confirm(ctx, fmt.Sprintf(question, plural(chosen, "letter"), s.queue))
	if err == nil && !sure {
		s.cli.notef("nothing was done")
		err = errFinding
	}
	s.filter.Limit = chosen
	return sure, err
}

// preview goes through the letters and does nothing with them.
func (s *sweeping) preview(ctx context.Context) (*sweepReport, error) {
	report := newSweepReport(s)
	report.dryRun = true
	err := report.pass(ctx, deadletter.Sweep{Queue: s.queue, Filter: s.filter, DryRun: true, Tell: func(o deadletter.Outcome) { report.tell(o) }})
	return report, undeclared(err)
}

// do goes through the letters, tells the history, and prints what became of them.
func (s *sweeping) do(ctx context.Context) error {
	acts, err := s.cli.recordActs(ctx, s.client, s.cfg)
	if err != nil {
		return err
	}
	defer s.cli.closeActs(ctx, acts)
	report := newSweepReport(s)
	err = report.pass(ctx, deadletter.Sweep{Queue: s.queue, Filter: s.filter, Rate: s.flags.rate, Tell: func(o deadletter.Outcome) {
		if wasMended := report.tell(o); wasMended && o.Fate == deadletter.Replayed {
			acts.tell(history.Edited, o)
		}
		if o.Fate == deadletter.Replayed || o.Fate == deadletter.Dropped {
			acts.tell(s.kind, o)
		}
	}})
	return report.end(ctx, undeclared(err))
}
