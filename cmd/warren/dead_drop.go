package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/history"
)

func (c *cli) deadDrop() *cobra.Command {
	var f sweepFlags
	cmd := &cobra.Command{
		Use:   "drop (QUEUE | --unrouted)",
		Short: "Remove dead letters for good",
		Long: "Drop removes letters from their dead-letter queue, or parked tasks, for good. It shows what it would remove and\n" +
			"asks before it does.",
		Example: "  warren dead drop email --reason revoked\n" +
			"  warren dead drop email --before 30d --yes",
		Args: f.check,
	}
	f.add(cmd)
	cmd.RunE = c.begin(func(ctx context.Context, args []string) error {
		s := &sweeping{cli: c, flags: &f, kind: history.Dropped}
		if err := s.prepare(ctx, args); err != nil {
			return err
		}
		defer s.client.Close()
		s.sweep = func(ctx context.Context, sweep deadletter.Sweep) (deadletter.Counts, error) {
			return deadletter.Drop(ctx, s.client, sweep)
		}
		return s.run(ctx)
	})
	return cmd
}
