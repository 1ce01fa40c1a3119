package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// letterFlags choose letters on the command line.
type letterFlags struct {
	unrouted      bool
	reason        string
	key           string
	id            string
	error         string
	since, before string
	schedule      string
	limit         int
}

// add adds the flags to a command.
func (f *letterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.unrouted, "unrouted", false, "the parked tasks that no queue wanted, instead of a queue's dead letters")
	flags.StringVar(&f.reason, "reason", "", "only letters with this `REASON`, such as attempts-exhausted")
	flags.StringVar(&f.key, "key", "", "only letters whose routing key this `PATTERN` matches")
	flags.StringVar(&f.id, "id", "", "only letters of the task with this `ID`")
	flags.StringVar(&f.error, "error", "", "only letters with this `TEXT` in their error, upper case or lower")
	flags.StringVar(&f.since, "since", "", "only letters that died after this `TIME`, such as 2h, 7d or 2026-11-22T09:00:00Z")
	flags.StringVar(&f.before, "before", "", "only letters that died before this `TIME`")
	flags.StringVar(&f.schedule, "schedule", "", "only letters of the schedule entry with this `NAME`")
	flags.IntVar(&f.limit, "limit", 0, "at most `N` letters (default all)")
}

// oneSource takes either a queue or --unrouted.
func (f *letterFlags) oneSource(cmd *cobra.Command, args []string) error {
	if len(args) == 0 && !f.unrouted {
		return errors.New("a queue is wanted, or --unrouted")
	}
	return f.anySource(cmd, args)
}

// anySource takes a queue, or --unrouted, or neither.
func (f *letterFlags) anySource(_ *cobra.Command, args []string) error {
	switch {
	case len(args) > 1:
		return fmt.Errorf("one queue is wanted, not %d", len(args))
	case len(args) == 1 && f.unrouted:
		return errors.New("a queue and --unrouted exclude each other")
	case f.limit < 0:
		return fmt.Errorf("--limit: %d is below 0", f.limit)
	}
	return nil
}

// filter returns what the flags choose. The errors of encrypted tasks are looked through as far as
// there are keys.
func (f *letterFlags) filter(now time.Time) (deadletter.Filter, error) {
	filter := deadletter.Filter{
		Reason: tasks.Reason(f.reason), ID: f.id, Error: f.error, Schedule: f.schedule, Limit: f.limit,
	}
	var err error
	if f.key != "" {
		if filter.Key, err = routing.ParsePattern(f.key); err != nil {
			return filter, fmt.Errorf("--key: %w", err)
		}
	}
	if filter.Since, err = moment("--since", f.since, now); err != nil {
		return filter, err
	}
	filter.Before, err = moment("--before", f.before, now)
	return filter, err
}

// moment reads a time of a flag: how long ago, or when. An empty one is the zero time.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	ago, err := config.ParseDuration(text)
	switch {
	case err != nil:
		return time.Time{}, usagef("%s: %q is neither how long ago, such as 90s or 7d, nor a time in RFC 3339, such as 2026-11-22T09:00:00+09:00", flag, text)
	case ago < 0:
		return time.Time{}, usagef("%s: %s is below 0", flag, text)
	}
	return now.Add(-ago), nil
}

// source returns the queue where the letters are. A work queue may also be called by the name of
// its dead-letter queue, and --unrouted by the name of its queue.
func (f *letterFlags) source(cfg *config.Config, args []string) (string, error) {
	if unrouted := cfg.Spec().Names.Unrouted(); f.unrouted || args[0] == unrouted {
		return unrouted, nil
	}
	work := strings.TrimSuffix(args[0], routing.DeadSuffix)
	if err := routing.ValidateQueue(work, cfg.Broker.Prefix); err != nil {
		return "", err
	}
	return routing.DeadQueue(work), nil
}

// connectTo connects to where the letters are, and returns their queue.
func (c *cli) connectTo(ctx context.Context, cfg *config.Config, f *letterFlags, args []string) (*broker.Client, string, error) {
	queue, err := f.source(cfg, args)
	if err != nil {
		return nil, "", err
	}
	client, err := c.connect(ctx, cfg)
	return client, queue, err
}
