package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/alerts"
	"github.com/warrenmq/warren/config"
)

// askTimeout bounds what is asked of the broker.
const askTimeout = 30 * time.Second

// queuesFlags are the command line of queues.
type queuesFlags struct {
	asJSON, check, strict bool
	watch                 bool
	interval              string
	backlog               int
	failureRate           float64
	wait                  string
	except                []string
}

func (c *cli) queues() *cobra.Command {
	var f queuesFlags
	cmd := &cobra.Command{
		Use:   "queues",
		Short: "Show the configured queues, and what is wrong with them",
		Long: "Queues shows the configured queues and the parked tasks: how many are ready, running and dead, how many failed\n" +
			"and how long they waited and ran in the last 5 minutes, and which queues are paused. What is wrong is marked\n" +
			"with a ! and told below, with what to do.\n" +
			"What is running, and the rates, are known where broker.management is configured; failures and times where\n" +
			"history is kept.\n\n" +
			"With --check only that is printed, and the exit code is 1 where anything is wrong, else 0.\n" +
			"With --watch it is a live table: q ends it.",
		Example: "  warren queues\n" +
			"  warren queues --watch\n" +
			"  warren queues --check --except dead || mail -s 'Warren' ops@example.com\n" +
			"  warren queues --json | jq 'select(.alerts != [])'",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.check, "check", false, "print only what is wrong, and exit with 1 where anything is")
	flags.BoolVar(&f.strict, "strict", false, "with --check: exit with 1 also where something could not be checked")
	flags.BoolVar(&f.watch, "watch", false, "show it again and again, until q or Ctrl-C")
	flags.StringVar(&f.interval, "interval", "2s", "with --watch: how often, as `TIME` of 500ms to 1h")
	flags.IntVar(&f.backlog, "backlog", alerts.DefaultBacklog, "`N` ready tasks of a queue are wrong")
	flags.Float64Var(&f.failureRate, "failure-rate", alerts.DefaultFailureRate*100,
		"`PERCENT` of the attempts are wrong that failed, where "+strconv.Itoa(alerts.DefaultMinEnded)+" ended at least")
	flags.StringVar(&f.wait, "wait", "5m", "a mean wait of this `TIME` is wrong")
	flags.StringSliceVar(&f.except, "except", nil, "pass over `CONDITION`s: "+conditions())
	jsonFlag(cmd, &f.asJSON)
	cmd.MarkFlagsMutuallyExclusive("check", "watch")
	cmd.RunE = c.begin(func(ctx context.Context, _ []string) error { return c.showQueues(ctx, &f) })
	return cmd
}

// conditions lists all conditions.
func conditions() string {
	var all []string
	for _, condition := range alerts.Conditions() {
		all = append(all, string(condition))
	}
	return strings.Join(all, ", ")
}

// alerting reads from where on something is wrong.
func (f *queuesFlags) alerting() (alerting, error) {
	var a alerting
	if f.backlog < 1 {
		return a, usagef("--backlog: %d is below 1", f.backlog)
	}
	if !(f.failureRate > 0 && f.failureRate <= 100) { // NaN too
		return a, usagef("--failure-rate: %g is not above 0 and at most 100", f.failureRate)
	}
	wait, err := config.ParseDuration(f.wait)
	if err != nil {
		return a, usagef("--wait: %w", err)
	}
	if wait <= 0 {
		return a, usagef("--wait: %s is not above 0", f.wait)
	}
	for _, text := range f.except {
		condition, err := alerts.ParseCondition(text)
		if err != nil {
			return a, usagef("--except: %w", err)
		}
		a.except = append(a.except, condition)
	}
	a.thresholds = alerts.Thresholds{Backlog: f.backlog, FailureRate: f.failureRate / 100, Wait: wait}
	return a, nil
}

// The bounds of --interval.
const (
	minInterval = 500 * time.Millisecond
	maxInterval = time.Hour
)

// every reads how often a watch looks.
func (f *queuesFlags) every() (time.Duration, error) {
	d, err := config.ParseDuration(f.interval)
	if err != nil {
		return 0, usagef("--interval: %w", err)
	}
	if d < minInterval || d > maxInterval {
		return 0, usagef("--interval: %s is not within 500ms..1h", f.interval)
	}
	return d, nil
}

func (c *cli) showQueues(ctx context.Context, f *queuesFlags) error {
	alerting, err := f.alerting()
	if err != nil {
		return err
	}
	interval, err := f.every()
	if err != nil {
		return err
	}
	if f.strict && !f.check {
		return usagef("--strict is wanted with --check only")
	}
	cfg, err := c.loadQueues()
	if err != nil {
		return err
	}
	client, err := c.connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	if f.watch {
		return c.watchQueues(ctx, client, cfg, alerting, interval, f.asJSON)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	known, err := c.gather(ctx, client, cfg)
	if err != nil {
		return err
	}
	o := known.overview(cfg, client.Names(), alerting)
	if !f.check {
		return c.printOverview(o, known, f.asJSON)
	}
	if o.critical() {
		before := o
		if err := c.gatherAgain(ctx, client, cfg, known); err != nil {
			return err
		}
		o = known.overview(cfg, client.Names(), alerting)
		o.again(before)
	}
	return c.printCheck(o, known, f)
}
