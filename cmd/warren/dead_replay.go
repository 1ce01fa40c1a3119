package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/tasks"
)

// replayFlags are the command line of replay.
type replayFlags struct {
	sweepFlags
	sets       []string
	edit       bool
	maxReplays int
}

func (c *cli) deadReplay() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay (QUEUE | --unrouted)",
		Short: "Run dead letters again, in the queue where they died",
		Long: "Replay publishes letters to the work queue in which they died, and to no other, as tasks that have not been\n" +
			"started yet, and removes them once RabbitMQ has confirmed that. Parked tasks are routed anew, under their own\n" +
			"keys. Interrupted, or run again, it goes on with what is left. Without a filter it asks before it replays all.\n\n" +
			"--set gives a place of a JSON payload another value: names with dots between them and [INDEX], as in\n" +
			"user.tags[0]; the value is JSON, else a text. --edit opens the payload of one letter in $VISUAL, $EDITOR or vi.\n" +
			"Encrypted payloads are decrypted for that and encrypted again, with encryption.keyset.\n\n" +
			"The exit code is 1 where a letter that was chosen is still there.",
		Example: `  warren dead replay email --error 'connection refused' --dry-run
  warren dead replay email --since 2h --rate 50
  warren dead replay email --id 01a20294-28ba-7eb6-aa3f-826f8415d164 --set user.name=eve
  warren dead replay --unrouted --yes`,
		Args: f.check,
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.sets, "set", nil, "another value in JSON payloads, `PATH=VALUE`; may be given several times")
	flags.BoolVar(&f.edit, "edit", false, "edit the payload of one letter")
	flags.IntVar(&f.maxReplays, "max-replays", deadletter.DefaultMaxReplays, "leave letters that were replayed `N` times")
	cmd.MarkFlagsMutuallyExclusive("set", "edit")
	cmd.MarkFlagsMutuallyExclusive("edit", "dry-run")
	cmd.RunE = c.begin(func(ctx context.Context, args []string) error {
		s := &sweeping{cli: c, flags: &f.sweepFlags, kind: history.Replayed, one: f.edit, maxReplays: f.maxReplays}
		if err := f.mending(s); err != nil {
			return err
		}
		if err := s.prepare(ctx, args); err != nil {
			return err
		}
		defer s.client.Close()
		if f.edit {
			if err := s.editOne(ctx); err != nil {
				return err
			}
			var stop context.CancelFunc
			ctx, stop = afterEditor(ctx)
			defer stop()
		}
		if s.mending != nil {
			s.mending.guard, s.mending.keys = s.cfg.Guard, s.keys
		}
		s.sweep = func(ctx context.Context, sweep deadletter.Sweep) (deadletter.Counts, error) {
			return deadletter.Replay(ctx, s.client, s.client, deadletter.ReplayConfig{
				Sweep: sweep, Names: s.client.Names(), User: s.client.User(), MaxReplays: f.maxReplays, Edit: s.mending.edit(),
			})
		}
		return s.run(ctx)
	})
	return cmd
}

// check checks the command line.
func (f *replayFlags) check(cmd *cobra.Command, args []string) error {
	if f.maxReplays < 1 {
		return fmt.Errorf("--max-replays: %d is below 1", f.maxReplays)
	}
	return f.sweepFlags.check(cmd, args)
}

// mending reads what is to become of payloads, if anything.
func (f *replayFlags) mending(s *sweeping) error {
	var sets []deadletter.Set
	for _, text := range f.sets {
		set, err := deadletter.ParseSet(text)
		if err != nil {
			return usageError{fmt.Errorf("--set: %w", err)}
		}
		sets = append(sets, set)
	}
	if f.edit || len(sets) > 0 {
		s.mending = &mending{change: setting(sets), mended: map[string]bool{}}
	}
	return nil
}

// editOne has the payload of the one letter that is chosen edited.
func (s *sweeping) editOne(ctx context.Context) error {
	var chosen []deadletter.Record
	err := deadletter.List(ctx, s.client, s.queue, s.filter, func(r deadletter.Record) bool {
		chosen = append(chosen, r)
		return len(chosen) < 2
	})
	switch {
	case err != nil:
		return undeclared(err)
	case len(chosen) == 0:
		return fmt.Errorf("no letter in %s is one of these", s.queue)
	case len(chosen) > 1:
		return usageError{errors.New("--edit: one letter is wanted, and more than one is chosen: give its --id")}
	}
	r := &chosen[0]
	t := tasks.Task{ID: r.ID, Key: r.Key, KeyID: keyID(r), Payload: r.Body()}
	if t.KeyID != "" {
		if t, err = s.keys.open(t); err != nil {
			return fmt.Errorf("--edit: %w", err)
		}
	}
	after, err := s.cli.edit(ctx, t.Payload)
	if err != nil {
		return err
	}
	s.mending.change = edited(t.Payload, after)
	s.only(r)
	return nil
}

// only has nothing but one letter dealt with: what has died since it was looked at may be chosen by the
// same filter, lie before it, and even have the same payload.
func (s *sweeping) only(r *deadletter.Record) { s.filter.ID, s.filter.Limit = r.ID, 1 }
