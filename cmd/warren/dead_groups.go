package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/routing"
)

func (c *cli) deadGroups() *cobra.Command {
	var f letterFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "groups [QUEUE | --unrouted]",
		Short: "Count dead letters by what they died of, the most first",
		Long: "Groups counts the dead letters of a queue, the parked tasks, or both of all configured queues, by their reason\n" +
			"and by what their errors have in common: numbers, IDs, addresses and quoted text make no difference. KEYS is a\n" +
			"pattern that matches all of a group. The letters stay where they are; while they are read, other readers of\n" +
			"them see none.\n" +
			"With encryption.keyset in the configuration the errors of encrypted tasks are decrypted.",
		Example: "  warren dead groups\n" +
			"  warren dead groups email --since 2h",
		Args: f.anySource,
		RunE: c.begin(func(ctx context.Context, args []string) error {
			filter, err := f.filter(c.now())
			if err != nil {
				return err
			}
			everywhere := len(args) == 0 && !f.unrouted
			cfg, err := c.loadFor(everywhere)
			if err != nil {
				return err
			}
			keys, err := readingKeys(cfg)
			if err != nil {
				return err
			}
			filter.ErrorText = keys.errorText
			var client *broker.Client
			var groups deadletter.Groups
			if everywhere {
				if client, err = c.connect(ctx, cfg); err != nil {
					return err
				}
				defer client.Close()
				err = c.groupEverywhere(ctx, client, cfg, filter, &groups)
			} else {
				var queue string
				if client, queue, err = c.connectTo(ctx, cfg, &f, args); err != nil {
					return err
				}
				defer client.Close()
				err = undeclared(group(ctx, client, queue, filter, &groups))
			}
			return errors.Join(err, c.printGroups(groups.List(), everywhere, asJSON))
		}),
	}
	f.add(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// loadFor reads the configuration of a command that may want all of its queues.
func (c *cli) loadFor(everywhere bool) (*config.Config, error) {
	if everywhere {
		return c.loadQueues()
	}
	return c.load()
}

// group counts the letters of one queue.
func group(ctx context.Context, b deadletter.Browser, queue string, filter deadletter.Filter, to *deadletter.Groups) error {
	name := strings.TrimSuffix(queue, routing.DeadSuffix)
	return deadletter.List(ctx, b, queue, filter, func(r deadletter.Record) bool {
		if filter.ErrorText != nil {
			r.Error = filter.ErrorText(&r)
		}
		r.Queue = name // of whose letters it is, also where they came from another
		to.Add(&r)
		return true
	})
}

// groupEverywhere counts the letters of all configured queues, and the parked tasks, as far as they can
// be read.
func (c *cli) groupEverywhere(
	ctx context.Context, client *broker.Client, cfg *config.Config, filter deadletter.Filter, to *deadletter.Groups,
) error {
	queues := []string{}
	for _, q := range cfg.Queues {
		queues = append(queues, routing.DeadQueue(q.Name))
	}
	queues = append(queues, client.Names().Unrouted())
	depths, err := client.Depths(ctx, queues...)
	if err != nil {
		return err
	}
	var failed []error
	for _, queue := range queues {
		if _, exists := depths[queue]; !exists {
			continue
		}
		err := group(ctx, client, queue, filter, to)
		if ctx.Err() != nil {
			return err
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func (c *cli) printGroups(groups []deadletter.Group, withQueue, asJSON bool) error {
	if asJSON {
		lines := c.lines()
		for i := range groups {
			if err := lines.Encode(groups[i]); err != nil {
				return err
			}
		}
		return nil
	}
	t := table{columns: []column{{title: "COUNT", right: true}}}
	if withQueue {
		t.columns = append(t.columns, column{title: "QUEUE"})
	}
	t.columns = append(t.columns, column{title: "REASON"}, column{title: "KEYS"}, column{title: "FIRST"}, column{title: "LAST"}, column{title: "ERROR"})
	for i := range groups {
		g := &groups[i]
		if g.Others {
			g.Queue, g.Error = "", fmt.Sprintf("(of more than %d kinds)", deadletter.MaxGroups)
		}
		cells := []string{strconv.Itoa(g.Count)}
		if withQueue {
			cells = append(cells, orUnknown(g.Queue))
		}
		t.add(append(cells, orUnknown(string(g.Reason)), orUnknown(g.Keys), c.clock(g.First), c.clock(g.Last), orUnknown(g.Error))...)
	}
	if len(t.rows) == 0 {
		c.notef("no letter is one of these")
		return nil
	}
	return t.write(c.stdout, c.stdout.width())
}

// clock tells when something was: a time of this day, else with its date.
func (c *cli) clock(at time.Time) string {
	if at.IsZero() {
		return unknown
	}
	at = at.Local()
	now := c.now().Local()
	if at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return at.Format("15:04:05")
	}
	return at.Format("2006-01-02 15:04")
}
