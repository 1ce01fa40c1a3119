package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/history"
)

func (c *cli) revoke() *cobra.Command {
	return c.command(control.Revoke, &cobra.Command{
		Use:   "revoke ID...",
		Short: "Revoke tasks: stop them, or keep them from being run",
		Long: "Revoke tells all workers that tasks are not to be run. One that runs has its context cancelled; unless its\n" +
			"handler returns without an error it becomes a dead letter with the reason revoked. One that waits, is delayed\n" +
			"or is to be tried again becomes one when it comes to a worker. A revocation holds for 7 days.",
		Example: "  warren revoke 019e0c3e-7d1a-7c2b-8f7e-2f6f4f0f9a11 --reason 'sent by mistake'",
		Args:    cobra.MinimumNArgs(1),
	})
}

func (c *cli) pause() *cobra.Command {
	return c.command(control.Pause, &cobra.Command{
		Use:   "pause QUEUE",
		Short: "Have no worker begin a task of a queue",
		Long: "Pause has all workers stop consuming a queue, those that start later too, until it is resumed. What runs\n" +
			"goes on; what is prefetched goes back to the queue.",
		Example: "  warren pause email --reason 'mail server is down'",
		Args:    cobra.ExactArgs(1),
	})
}

func (c *cli) resume() *cobra.Command {
	return c.command(control.Resume, &cobra.Command{
		Use:   "resume QUEUE",
		Short: "Have workers consume a paused queue again",
		Args:  cobra.ExactArgs(1),
	})
}

// command completes a command that tells all workers something of each of its arguments.
func (c *cli) command(kind control.Kind, cmd *cobra.Command) *cobra.Command {
	var asJSON bool
	var reason string
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words `TEXT`; it is kept with it")
	jsonFlag(cmd, &asJSON)
	cmd.RunE = c.begin(func(ctx context.Context, args []string) error {
		cfg, err := c.load()
		if err != nil {
			return err
		}
		var records []control.Record
		for _, arg := range args {
			r := control.Record{Kind: kind, At: c.now().UTC(), Reason: reason}
			if kind == control.Revoke {
				r.ID = arg
			} else {
				r.Queue = arg
			}
			if err := r.Validate(); err != nil {
				return usageError{err}
			}
			records = append(records, r)
		}
		client, err := c.connect(ctx, cfg)
		if err != nil {
			return err
		}
		defer client.Close()
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		if err := c.tellWorkers(ctx, client, cfg, records); err != nil {
			return err
		}
		return c.printRecords(records, asJSON)
	})
	return cmd
}

// tellWorkers appends records to the control stream.
func (c *cli) tellWorkers(ctx context.Context, client *broker.Client, cfg *config.Config, records []control.Record) error {
	for i := range records {
		r := &records[i]
		r.By = client.User()
		if r.Queue == "" || slices.ContainsFunc(cfg.Queues, func(q config.Queue) bool { return q.Name == r.Queue }) {
			continue
		}
		if _, err := client.Depth(ctx, r.Queue); err != nil {
			return fmt.Errorf("%s is not among the configured queues: %w", r.Queue, err)
		}
	}
	stream := client.Names().Control()
	err := control.Write(ctx, client, stream, records...)
	if errors.Is(err, broker.ErrUnroutable) {
		return fmt.Errorf("there is no stream %s yet: a worker or a scheduler that starts declares it (%w)", stream, err)
	}
	if err != nil {
		return err
	}
	c.tellHistory(ctx, client, cfg, records)
	_, _ = c.workersState(ctx, client) // repeats what is in force where that is due; else the next command does
	return nil
}

// tellHistory appends who paused or resumed a queue to the history, where there is one. What is revoked
// the workers tell themselves, when they come to it.
func (c *cli) tellHistory(ctx context.Context, client *broker.Client, cfg *config.Config, records []control.Record) {
	if cfg.History.Level == history.Off {
		return
	}
	kinds := map[control.Kind]history.Kind{control.Pause: history.Paused, control.Resume: history.Resumed}
	var events []history.Event
	for _, r := range records {
		if kind, told := kinds[r.Kind]; told {
			events = append(events, history.Event{At: r.At, Event: kind, Queue: r.Queue, By: r.By, Reason: r.Reason})
		}
	}
	err := history.Append(ctx, client, client.Names().History(), events...)
	if err != nil && !errors.Is(err, broker.ErrUnroutable) {
		c.notef("done, but not told in the history: %v", err)
	}
}

// readTimeout bounds the reading of the control stream where it is asked for beside something else.
const readTimeout = 5 * time.Second

// workersState returns what the control stream says by now, as far as it can be read, and appends a
// snapshot of it where one is due.
func (c *cli) workersState(ctx context.Context, client *broker.Client) (*control.State, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	state, err := control.Read(ctx, client, client.Names().Control(), c.now)
	if errors.Is(err, broker.ErrNoQueue) { // nobody has said anything yet
		err = nil
	}
	return state, err
}

func (c *cli) printRecords(records []control.Record, asJSON bool) error {
	lines := c.lines()
	for i := range records {
		r := &records[i]
		var err error
		switch {
		case asJSON:
			err = lines.Encode(r)
		case r.Kind == control.Revoke:
			_, err = fmt.Fprintf(c.stdout, "revoked %s\n", r.ID)
		default:
			_, err = fmt.Fprintf(c.stdout, "%sd %s\n", r.Kind, r.Queue)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
