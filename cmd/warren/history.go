package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/streams"
)

// defaultSince is how far a listing looks back that is not of one task.
const defaultSince = "1d"

// historyFlags are the command line of history.
type historyFlags struct {
	since  string
	before string
	task   string
	queue  string
	key    string
	batch  string
	events []string
	follow bool
	asJSON bool
}

func (c *cli) history() *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show what happened to tasks, or how far a batch is",
		Long: "History shows what workers and operators have told of tasks, in the order in which it was kept; of\n" +
			"one task, in the order in which it happened.\n" +
			"With --batch it shows how far a batch is, and exits with 0 once all of its chunks are done, else with 1.",
		Example: "  warren history --since 2h --queue email --event dead --event retried\n" +
			"  warren history --task 01a20294-28ba-7eb6-aa3f-826f8415d164 --json\n" +
			"  warren history --follow\n" +
			"  warren history --batch import-2026-11",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.since, "since", "", "only what happened in this `TIME` before now, such as 90s or 7d (default "+defaultSince+
		", of a task all that is kept)")
	flags.StringVar(&f.before, "before", "", "only what happened longer than this `TIME` before now")
	flags.StringVar(&f.task, "task", "", "only the task with this `ID`")
	flags.StringVar(&f.queue, "queue", "", "only tasks of this `QUEUE`")
	flags.StringVar(&f.key, "key", "", "only tasks whose routing key this `PATTERN` matches")
	flags.StringArrayVar(&f.events, "event", nil, "only this `EVENT`, such as dead; may be given several times")
	flags.StringVar(&f.batch, "batch", "", "how far the batch with this `ID` is")
	flags.BoolVar(&f.follow, "follow", false, "go on with what happens from now on, until interrupted")
	jsonFlag(cmd, &f.asJSON)
	for _, other := range []string{"since", "before", "task", "queue", "key", "event", "follow"} {
		cmd.MarkFlagsMutuallyExclusive("batch", other)
	}
	cmd.MarkFlagsMutuallyExclusive("before", "follow")
	cmd.RunE = c.begin(func(ctx context.Context, _ []string) error { return c.showHistory(ctx, &f) })
	return cmd
}

func (c *cli) showHistory(ctx context.Context, f *historyFlags) error {
	filter, err := f.filter(c.now())
	if err != nil {
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	client, err := c.connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	stream := client.Names().History()
	switch {
	case f.batch != "":
		err = c.showBatch(ctx, client, stream, f)
	case f.follow:
		if _, missing := client.Depth(ctx, stream); errors.Is(missing, broker.ErrNoQueue) {
			c.notef("%v; it is waited for", noHistory(cfg, missing))
		}
		err = c.followHistory(ctx, client, stream, filter, f.asJSON)
	default:
		err = c.readHistory(ctx, client, stream, filter, f.asJSON)
	}
	if errors.Is(err, broker.ErrNoQueue) {
		return noHistory(cfg, err)
	}
	return err
}

// noHistory says why there is no stream.
func noHistory(cfg *config.Config, err error) error {
	if cfg.History.Level == history.Off {
		return fmt.Errorf("%w: history.level is off", err)
	}
	return fmt.Errorf("%w: a worker or a scheduler that starts declares it", err)
}

// ago returns the time that a flag tells as a duration before now, the zero time where it is empty.
func ago(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	d, err := config.ParseDuration(text)
	if err != nil {
		return time.Time{}, usagef("%s: %w", flag, err)
	}
	if d < 0 {
		return time.Time{}, usagef("%s: %s is below 0", flag, text)
	}
	return now.Add(-d), nil
}

// filter returns what the flags choose.
func (f *historyFlags) filter(now time.Time) (history.Filter, error) {
	filter := history.Filter{Task: f.task, Queue: f.queue}
	since := f.since
	if since == "" && f.task == "" {
		since = defaultSince
	}
	var err error
	if filter.Since, err = ago("--since", since, now); err != nil {
		return filter, err
	}
	if filter.Until, err = ago("--before", f.before, now); err != nil {
		return filter, err
	}
	if f.key != "" {
		pattern, err := routing.ParsePattern(f.key)
		if err != nil {
			return filter, usagef("--key: %w", err)
		}
		filter.Key = pattern.Match
	}
	for _, text := range f.events {
		kind, err := history.ParseKind(text)
		if err != nil {
			return filter, usagef("--event: %w", err)
		}
		filter.Kinds = append(filter.Kinds, kind)
	}
	return filter, nil
}

// readHistory prints what there is, as it is read. The story of one task is put in the order in which it
// happened, since each who tells of it appends some tenths of a second later than the other.
func (c *cli) readHistory(ctx context.Context, from history.StreamReader, stream string, filter history.Filter, asJSON bool) error {
	p := c.eventPrinter(asJSON, pageRows)
	var story []history.Event
	each := p.print
	if filter.Task != "" {
		each = func(e history.Event) error { story = append(story, e); return nil }
	}
	err := history.Read(ctx, from, stream, filter, each)
	slices.SortStableFunc(story, func(a, b history.Event) int { return a.At.Compare(b.At) })
	for _, e := range story {
		err = errors.Join(err, p.print(e))
	}
	if err != nil {
		return errors.Join(err, p.flush())
	}
	if p.count == 0 {
		c.notef("the history has none of these")
	}
	return p.flush()
}

// followHistory prints what there is and what comes, until ctx is done.
func (c *cli) followHistory(ctx context.Context, client *broker.Client, stream string, filter history.Filter, asJSON bool) error {
	p := c.eventPrinter(asJSON, 1)
	failed := make(chan error, 1)
	reader, err := client.NewStreamReader(broker.StreamConfig{Stream: stream, From: filter.From(), Deliver: func(r streams.Record) {
		if err := filter.Events(r, p.print); err != nil {
			select {
			case failed <- err:
			default:
			}
		}
	}})
	if err != nil {
		return err
	}
	defer reader.Close()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// showBatch prints how far a batch is.
func (c *cli) showBatch(ctx context.Context, from history.StreamReader, stream string, f *historyFlags) error {
	status, err := history.ReadBatch(ctx, from, stream, f.batch)
	if err != nil {
		return err
	}
	if f.asJSON {
		err = c.lines().Encode(status)
	} else {
		err = c.printBatch(&status)
	}
	if err == nil && !status.Complete() {
		return errFinding
	}
	return err
}

func (c *cli) printBatch(s *history.BatchStatus) error {
	if s.Total == 0 {
		c.notef("the history has nothing of batch %q: none of its chunks has ended yet, or it is older than the retention", s.Batch)
		return nil
	}
	t := table{columns: []column{{title: "BATCH"}, {title: "TOTAL", right: true}, {title: "DONE", right: true}, {title: "DEAD", right: true},
		{title: "RUNNING", right: true}, {title: "WAITING", right: true}, {title: "MISSING", right: true}}}
	t.add(s.Batch, fmt.Sprint(s.Total), fmt.Sprint(s.Done), fmt.Sprint(s.Dead), fmt.Sprint(s.Running), fmt.Sprint(s.Waiting), fmt.Sprint(s.Missing))
	if err := t.write(c.stdout, 0); err != nil {
		return err
	}
	for _, line := range []struct {
		what    string
		indexes []int
		count   int
	}{{"dead", s.DeadIndexes, s.Dead}, {"missing", s.MissingIndexes, s.Missing}} {
		if line.count > 0 {
			fmt.Fprintf(c.stdout, "%s: %s\n", line.what, ranges(line.indexes, line.count))
		}
	}
	if s.Gaps > 0 && !s.Complete() {
		c.notef("the history lacks %d events, which may be the batch's", s.Gaps)
	}
	if s.Totals > 1 {
		c.notef("the batch's tasks tell of %d different totals: it was enqueued again with other chunks", s.Totals)
	}
	return nil
}

// ranges writes ascending indexes as 3, 5-9, and how many are left out of the count.
func ranges(indexes []int, count int) string {
	var parts []string
	for i := 0; i < len(indexes); {
		last := i
		for last+1 < len(indexes) && indexes[last+1] == indexes[last]+1 {
			last++
		}
		if last == i {
			parts = append(parts, fmt.Sprint(indexes[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", indexes[i], indexes[last]))
		}
		i = last + 1
	}
	if left := count - len(indexes); left > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", left))
	}
	return strings.Join(parts, ", ")
}
