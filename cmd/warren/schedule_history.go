package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/scheduler/ledger"
)

// scheduleHistoryFlags are the command line of schedule history.
type scheduleHistoryFlags struct {
	since  string
	limit  int
	kinds  []string
	asJSON bool
}

func (c *cli) scheduleHistory() *cobra.Command {
	var f scheduleHistoryFlags
	cmd := &cobra.Command{
		Use:   "history [ENTRY]",
		Short: "Show what the schedulers have emitted and skipped",
		Long: "History shows the ticks that were emitted, and those that were skipped and why, in the order in which the\n" +
			"schedulers' ledger has them. A tick that was emitted twice is there twice, under one task ID.",
		Example: "  warren schedule history --since 7d --kind skipped\n" +
			"  warren schedule history daily-report --limit 10\n" +
			"  warren schedule history --json",
		Args: cobra.MaximumNArgs(1),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.since, "since", "", "only what happened in this `TIME` before now, such as 90s or 7d (default "+defaultSince+
		"; with a --limit all that is kept)")
	flags.IntVar(&f.limit, "limit", 0, "the newest `N` (default all)")
	flags.StringArrayVar(&f.kinds, "kind", nil, "only this `KIND`: tick, skipped, known or absent; may be given several times\n(default tick and skipped)")
	jsonFlag(cmd, &f.asJSON)
	cmd.RunE = c.begin(func(ctx context.Context, names []string) error {
		filter, err := f.filter(c.now())
		if err != nil {
			return err
		}
		cfg, err := c.load()
		if err != nil {
			return err
		}
		if len(names) > 0 {
			filter.Entry = names[0]
			if entry, found := findEntry(cfg.Schedules, names[0]); found { // also what it did under another name
				filter.Entry = entry.Identity()
			}
		}
		client, err := c.connect(ctx, cfg)
		if err != nil {
			return err
		}
		defer client.Close()
		return c.readLedger(ctx, client, client.Names().Schedule(), filter, &f)
	})
	return cmd
}

// filter returns what the flags choose.
func (f *scheduleHistoryFlags) filter(now time.Time) (ledger.Filter, error) {
	var filter ledger.Filter
	if f.limit < 0 {
		return filter, usagef("--limit: %d is below 0", f.limit)
	}
	since := f.since
	if since == "" && f.limit == 0 {
		since = defaultSince
	}
	var err error
	if filter.Since, err = ago("--since", since, now); err != nil {
		return filter, err
	}
	kinds := []ledger.Kind{ledger.KindTick, ledger.KindSkipped, ledger.KindKnown, ledger.KindAbsent}
	for _, text := range f.kinds {
		kind := ledger.Kind(text)
		if !slices.Contains(kinds, kind) {
			return filter, usagef("--kind: %.40q is none of tick, skipped, known, absent", text)
		}
		filter.Kinds = append(filter.Kinds, kind)
	}
	return filter, nil
}

// readLedger prints the records that are chosen: as they are read or, where there is a limit, the newest
// of them at the end.
func (c *cli) readLedger(ctx context.Context, from ledger.Reader, stream string, filter ledger.Filter, f *scheduleHistoryFlags) error {
	p := c.ledgerPrinter(f.asJSON)
	each, newest := p.print, []ledger.Record(nil)
	if f.limit > 0 {
		each = func(r ledger.Record) error {
			if newest = append(newest, r); len(newest) > f.limit {
				newest = newest[1:]
			}
			return nil
		}
	}
	unreadable, err := ledger.Read(ctx, from, stream, filter, each)
	if errors.Is(err, broker.ErrNoQueue) {
		c.notef("no scheduler has run yet: there is no stream %s", stream)
		return nil
	}
	for _, r := range newest {
		err = errors.Join(err, p.print(r))
	}
	if err = errors.Join(err, p.flush()); err != nil {
		return err
	}
	if p.count == 0 {
		c.notef("the ledger has none of these")
	}
	if unreadable > 0 {
		c.notef("records of %s that cannot be read: %d", stream, unreadable)
	}
	return nil
}

// ledgerLine is a record, in JSON, with its place in the stream.
type ledgerLine struct {
	Offset uint64 `json:"offset"`
	ledger.Record
}

// ledgerPrinter prints records of the ledger, as JSON or as a table.
type ledgerPrinter struct {
	pages
	lines *json.Encoder // nil for a table
	count int           // how many have come
}

func (c *cli) ledgerPrinter(asJSON bool) *ledgerPrinter {
	p := &ledgerPrinter{pages: c.pages(pageRows,
		column{title: "AT"}, column{title: "KIND"}, column{title: "ENTRY"}, column{title: "SCHEDULED FOR"}, column{title: "LATE", right: true},
		column{title: "ID"}, column{title: "TERM", right: true}, column{title: "SCHEDULER"}, column{title: "DETAIL"})}
	if asJSON {
		p.lines = c.lines()
	}
	return p
}

func (p *ledgerPrinter) print(r ledger.Record) error {
	p.count++
	if p.lines != nil {
		return p.lines.Encode(ledgerLine{r.Offset, r})
	}
	name, scheduled, late := r.Name, unknown, unknown
	if name == "" {
		name = r.Entry
	}
	switch r.Kind {
	case ledger.KindTick:
		scheduled, late = r.ScheduledFor.Format(time.RFC3339), threeDigits(time.Duration(r.LateMS)*time.Millisecond)
	case ledger.KindSkipped:
		scheduled = r.From.Format(time.RFC3339)
	}
	return p.add(r.At.Local().Format(localTime), string(r.Kind), name, scheduled, late, orUnknown(r.ID), strconv.FormatUint(r.Term, 10),
		orUnknown(r.Scheduler), ledgerDetail(&r))
}

// ledgerDetail is what else there is to tell of a record.
func ledgerDetail(r *ledger.Record) string {
	switch {
	case r.Kind == ledger.KindTick && r.CaughtUp:
		return "caught up"
	case r.Kind == ledger.KindKnown:
		return r.Timetable
	case r.Kind != ledger.KindSkipped:
		return ""
	case r.Ticks == 1 && !r.AtLeast:
		return string(r.Reason)
	}
	more := ""
	if r.AtLeast {
		more = " or more"
	}
	return fmt.Sprintf("%d ticks%s, to %s: %s", r.Ticks, more, r.To.Format(time.RFC3339), r.Reason)
}
