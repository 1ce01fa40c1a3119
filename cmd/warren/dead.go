package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/deadletter"
)

func (c *cli) dead() *cobra.Command {
	return c.group("dead", "Read dead letters and parked tasks, run them again, drop them",
		c.deadList(), c.deadGroups(), c.deadShow(), c.deadReplay(), c.deadDrop())
}

func (c *cli) deadList() *cobra.Command {
	var f letterFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls (QUEUE | --unrouted)",
		Short: "List the dead letters of a queue, the oldest first",
		Long: "Ls shows the dead letters of a queue, or the parked tasks, and leaves them where they are.\n" +
			"With encryption.keyset in the configuration --error looks into the errors of encrypted tasks, too.\n" +
			"While it reads, other readers of the same letters see none.",
		Example: "  warren dead ls email --reason attempts-exhausted --key 'email.welcome.#' --limit 20\n" +
			"  warren dead ls --unrouted --json",
		Args: f.oneSource,
		RunE: c.begin(func(ctx context.Context, args []string) error {
			filter, err := f.filter(c.now())
			if err != nil {
				return err
			}
			cfg, err := c.load()
			if err != nil {
				return err
			}
			if filter.Error != "" {
				keys, err := readingKeys(cfg)
				if err != nil {
					return err
				}
				filter.ErrorText = keys.errorText
			}
			client, queue, err := c.connectTo(ctx, cfg, &f, args)
			if err != nil {
				return err
			}
			defer client.Close()
			if asJSON {
				err = c.listJSON(ctx, client, queue, filter)
			} else {
				err = c.listTable(ctx, client, queue, filter)
			}
			return undeclared(err)
		}),
	}
	f.add(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// undeclared adds to an error of a queue that is not there who would have declared it.
func undeclared(err error) error {
	if errors.Is(err, broker.ErrNoQueue) {
		return fmt.Errorf("%w: a worker or a scheduler that starts declares the configured ones", err)
	}
	return err
}

// listJSON writes whole records, as they are read.
func (c *cli) listJSON(ctx context.Context, b deadletter.Browser, queue string, filter deadletter.Filter) error {
	lines := c.lines()
	var failed error
	err := deadletter.List(ctx, b, queue, filter, func(r deadletter.Record) bool {
		failed = lines.Encode(r)
		return failed == nil
	})
	return errors.Join(err, failed)
}

// listTable writes the letters once they are back in the queue.
func (c *cli) listTable(ctx context.Context, b deadletter.Browser, queue string, filter deadletter.Filter) error {
	t := table{columns: []column{
		{title: "ID"}, {title: "KEY"}, {title: "REASON"}, {title: "ATTEMPT", right: true}, {title: "FAILED", right: true}, {title: "ERROR"},
	}}
	now := c.now()
	err := deadletter.List(ctx, b, queue, filter, func(r deadletter.Record) bool {
		t.add(orUnknown(r.ID), orUnknown(r.Key), orUnknown(string(r.Reason)), strconv.Itoa(r.Attempt), age(now, r.FailedAt), orUnknown(r.Error))
		return true
	})
	if err != nil {
		return err
	}
	if len(t.rows) == 0 {
		c.notef("no letter in %s is one of these", queue)
		return nil
	}
	return t.write(c.stdout, c.stdout.width())
}

func orUnknown(text string) string {
	if text == "" {
		return unknown
	}
	return text
}

// age tells how long ago something was, in its largest unit.
func age(now, at time.Time) string {
	if at.IsZero() {
		return unknown
	}
	return span(now.Sub(at)) + " ago"
}

// span tells a time in its largest unit.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/day)
	}
}
