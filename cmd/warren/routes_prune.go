package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/doctor"
	"github.com/warrenmq/warren/routing"
)

// pruned is a binding that was removed, or would be.
type pruned struct {
	Exchange string `json:"exchange"`
	Queue    string `json:"queue"`
	Key      string `json:"key"`
}

func (c *cli) prune() *cobra.Command {
	var asJSON, others, dryRun, yes bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove the bindings that no route wants any more",
		Long: "Prune removes bindings of the configured queues that no route of the configuration wants: a route that was\n" +
			"changed leaves its old binding in RabbitMQ. It shows what it would remove and asks before it does. It needs\n" +
			"broker.management. Two configurations that share a prefix must not share a queue.",
		Example: "  warren routes prune --dry-run",
		Args:    cobra.NoArgs,
		RunE: c.begin(func(ctx context.Context, _ []string) error {
			cfg, err := c.loadQueues()
			if err != nil {
				return err
			}
			if !dryRun && !yes && !c.terminal {
				return usagef("nobody is here to be asked: look with --dry-run, then give --yes")
			}
			client, err := c.connect(ctx, cfg)
			if err != nil {
				return err
			}
			defer client.Close()
			stale, err := c.stale(ctx, client, cfg, others)
			if err != nil {
				return err
			}
			if err := c.printStale(stale, asJSON); err != nil || dryRun || len(stale) == 0 {
				return err
			}
			if !yes {
				sure, err := c.confirm(ctx, "Remove "+plural(len(stale), "binding")+"?")
				if err != nil || !sure {
					c.notef("nothing was done")
					return errors.Join(err, errFinding)
				}
			}
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			return client.Unbind(ctx, stale...)
		}),
	}
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&others, "others", false, "also the bindings of queues that are not in the configuration")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be removed, and remove nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// stale returns the bindings that no route wants, and that can be told from all that one does.
func (c *cli) stale(ctx context.Context, client *broker.Client, cfg *config.Config, withOthers bool) ([]routing.Binding, error) {
	bindings, err := client.Bindings(ctx)
	if err != nil {
		return nil, err
	}
	topology, err := routing.Build(cfg.Spec(), routing.Broker{Version: client.Version()})
	if err != nil {
		return nil, err
	}
	stale, others, _ := doctor.StaleBindings(&topology, bindings)
	if withOthers {
		stale = append(stale, others...)
	}
	return stale, nil
}

func (c *cli) printStale(stale []routing.Binding, asJSON bool) error {
	t := table{columns: []column{{title: "EXCHANGE"}, {title: "QUEUE"}, {title: "KEY"}}}
	lines := c.lines()
	for _, b := range stale {
		if asJSON {
			if err := lines.Encode(pruned{b.Source, b.Destination, b.Key}); err != nil {
				return err
			}
		}
		t.add(b.Source, b.Destination, b.Key)
	}
	switch {
	case asJSON:
		return nil
	case len(stale) == 0:
		c.notef("every binding is wanted")
		return nil
	}
	return t.write(c.stdout, 0)
}
