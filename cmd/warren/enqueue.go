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
	"github.com/warrenmq/warren/tasks"
)

// enqueueFlags are the command line of enqueue.
type enqueueFlags struct {
	data        string
	contentType string
	priority    int
	delay, at   string
	id          string
	headers     []string

	wait    bool
	timeout string
	asJSON  bool
}

func (c *cli) enqueue() *cobra.Command {
	var f enqueueFlags
	cmd := &cobra.Command{
		Use:   "enqueue KEY",
		Short: "Enqueue a task and print its ID",
		Long: "Enqueue publishes a task under a routing key and prints its ID once the broker has confirmed it.\n" +
			"A key that no queue wants is refused with exit code 1; a task with a delay is parked instead, when it is due.\n\n" +
			"With --wait it goes on to wait until the task is done and prints its result; the ID and the progress go to\n" +
			"stderr. A task that is dead, and one of which nothing is known when the waiting ends, is exit code 1.",
		Example: `  warren enqueue email.welcome --data '{"user": 7}' --priority 7
  warren enqueue report.daily --data @report.json --at 2026-11-22T09:00:00+09:00
  generate | warren enqueue import.file --data - --content-type text/csv --header tenant=acme
  warren enqueue image.resize --data '{"width": 640}' --wait --timeout 30s >image.png`,
		Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.data, "data", "", "the payload: `TEXT`, @FILE, or - for stdin (default {} where it is JSON, else empty)")
	flags.StringVar(&f.contentType, "content-type", tasks.DefaultContentType, "the `TYPE` of the payload; JSON is checked")
	flags.IntVar(&f.priority, "priority", 0, fmt.Sprintf("`N` in %d..%d, the highest first (default %d)",
		tasks.MinPriority, tasks.MaxPriority, tasks.DefaultPriority))
	flags.StringVar(&f.delay, "delay", "", "run no earlier than after this `TIME`, such as 90s or 7d")
	flags.StringVar(&f.at, "at", "", "run no earlier than at this `TIME`, in RFC 3339")
	flags.StringVar(&f.id, "id", "", "the task's `ID` (default a new UUIDv7)")
	flags.StringArrayVar(&f.headers, "header", nil, "a header, `NAME=VALUE`; may be given several times")
	flags.BoolVar(&f.wait, "wait", false, "wait until the task is done, and print its result")
	flags.StringVar(&f.timeout, "timeout", "", "wait for this `TIME` at most, such as 90s (default no limit)")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object")
	cmd.MarkFlagsMutuallyExclusive("delay", "at")
	cmd.RunE = c.begin(func(ctx context.Context, args []string) error {
		if flags.Changed("priority") && f.priority == 0 { // which a task takes for none
			return usagef("--priority: 0 is not within %d..%d", tasks.MinPriority, tasks.MaxPriority)
		}
		task, err := c.task(args[0], &f, flags.Changed("data"))
		if err != nil {
			return err
		}
		timeout, err := waitTimeout(&f)
		if err != nil {
			return err
		}
		if f.wait {
			return c.publishAndWait(ctx, task, timeout, f.asJSON)
		}
		return c.publish(ctx, task, f.asJSON)
	})
	return cmd
}

// task makes the task that the command line describes, and checks it.
func (c *cli) task(key string, f *enqueueFlags, hasData bool) (tasks.Task, error) {
	t := tasks.Task{Key: key, ID: f.id, ContentType: f.contentType, Priority: f.priority}
	var err error
	if t.NotBefore, err = notBefore(f, c.now()); err != nil {
		return t, err
	}
	if t.Headers, err = headers(f.headers); err != nil {
		return t, err
	}
	if t.Payload, err = c.payload(f.data, f.contentType, hasData); err != nil {
		return t, err
	}
	_, err = tasks.Encode(t, c.now()) // as Enqueue will, but before anything is connected
	return t, err
}

// notBefore reads --delay and --at.
func notBefore(f *enqueueFlags, now time.Time) (time.Time, error) {
	switch {
	case f.delay != "":
		delay, err := config.ParseDuration(f.delay)
		if err != nil {
			return time.Time{}, usagef("--delay: %w", err)
		}
		if delay < 0 {
			return time.Time{}, usagef("--delay: %s is below 0", f.delay)
		}
		return now.Add(delay), nil
	case f.at != "":
		at, err := time.Parse(time.RFC3339, f.at)
		if err != nil {
			return time.Time{}, usagef("--at: %q is not a time in RFC 3339, such as 2026-11-22T09:00:00+09:00", f.at)
		}
		return at, nil
	default:
		return time.Time{}, nil
	}
}

// headers reads --header.
func headers(pairs []string) (map[string]any, error) {
	headers := make(map[string]any, len(pairs))
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return nil, usagef("--header: NAME=VALUE is wanted, not %q", pair)
		}
		if _, twice := headers[name]; twice {
			return nil, usagef("--header: %q is given twice", name)
		}
		headers[name] = value
	}
	return headers, nil
}

// publish enqueues a task and prints its ID. Nothing is declared: enqueueing is quick.
func (c *cli) publish(ctx context.Context, t tasks.Task, asJSON bool) error {
	traces, ctx, err := c.traces(ctx)
	if err != nil {
		return err
	}
	defer flush(traces)
	e, err := c.entrance(ctx, &t)
	if err != nil {
		return err
	}
	defer e.client.Close()
	at := c.now()
	id, err := traces.Before(e.cipher.Before(e.client), e.client.Names().Strict()).Enqueue(ctx, t)
	if err != nil {
		return enqueueError(t.Key, id, err)
	}
	if asJSON {
		err = c.lines().Encode(taskEnd{ID: id, Status: statusEnqueued})
	} else {
		_, err = fmt.Fprintln(c.stdout, id)
	}
	c.tellEnqueued(ctx, e, &t, id, at) // after the ID, which nobody is to wait for where the history hangs
	return err
}

// enqueueError says what to do about a task that was not, or may not have been, enqueued.
func enqueueError(key, id string, err error) error {
	switch {
	case errors.Is(err, broker.ErrUnroutable):
		return fmt.Errorf("no queue wants %q, and nothing was enqueued; see warren routes explain %s. "+
			"Queues are declared when a worker or a scheduler starts (%w)", key, key, err)
	case errors.Is(err, broker.ErrUnconfirmed):
		return fmt.Errorf("%w; it may have arrived: enqueue it again with --id %s, so that it can be told", err, id)
	default:
		return err
	}
}
