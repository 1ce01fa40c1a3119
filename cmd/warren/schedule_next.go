package main

import (
	"container/heap"
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/scheduler"
)

const (
	// defaultUntil is how far next looks where neither it nor a limit is given.
	defaultUntil = 24 * time.Hour
	// defaultNext is how many runs next shows.
	defaultNext = 50
	// maxMore is how many runs are counted that are not shown.
	maxMore = 10_000
)

// latestUntil is as far as next looks: JSON has no later years.
var latestUntil = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// nextFlags are the command line of schedule next.
type nextFlags struct {
	until   string
	limit   int
	limited bool // a limit was given
	asJSON  bool
}

func (c *cli) scheduleNext() *cobra.Command {
	var f nextFlags
	cmd := &cobra.Command{
		Use:   "next [ENTRY...]",
		Short: "Show the runs to come of the entries, the soonest first",
		Long: "Next shows when the entries of the configuration fire, in the time of their zones, those of all entries\n" +
			"merged. It asks no broker.",
		Example: "  warren schedule next\n" +
			"  warren schedule next daily-report --limit 10\n" +
			"  warren schedule next --until 2026-12-24T18:00:00+01:00 --json",
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.until, "until", "", "up to this `TIME`: 12h or 7d from now, 2026-12-24, or RFC 3339 (default "+
		days(defaultUntil)+"; none where there is a --limit)")
	flags.IntVar(&f.limit, "limit", defaultNext, "at most `N` runs, 0 for all")
	jsonFlag(cmd, &f.asJSON)
	cmd.RunE = c.begin(func(ctx context.Context, names []string) error {
		f.limited = flags.Changed("limit") && f.limit > 0
		return c.showNext(ctx, &f, names)
	})
	return cmd
}

func (c *cli) showNext(ctx context.Context, f *nextFlags, names []string) error {
	now := c.now()
	until, err := f.end(now)
	if err != nil {
		return err
	}
	_, entries, err := c.loadSchedule(names)
	if err != nil {
		return err
	}
	p := c.runPrinter(now, f.asJSON)
	shown, more := 0, 0
	var after *firing // what comes behind the end
	for r := range firings(entries, now) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.at.After(until) {
			after = &r
			break
		}
		if f.limit > 0 && shown == f.limit {
			if more++; more == maxMore {
				break
			}
			continue
		}
		shown++
		if err := p.print(&r); err != nil {
			return err
		}
		if f.limited && f.until == "" && shown == f.limit {
			break
		}
	}
	if err := p.flush(); err != nil {
		return err
	}
	switch {
	case shown == 0 && after == nil:
		c.notef("nothing fires any more")
	case shown == 0:
		c.notef("nothing fires until %s; next is %s at %s", until.Local().Format(time.RFC3339), after.entry.Name, after.at.Format(time.RFC3339))
	case more == maxMore:
		c.notef("%d runs and more are left out: see --limit", more)
	case more > 0:
		c.notef("%d more until %s: see --limit", more, until.Local().Format(time.RFC3339))
	}
	return nil
}

// end returns how far to look.
func (f *nextFlags) end(now time.Time) (time.Time, error) {
	switch {
	case f.limit < 0:
		return time.Time{}, usagef("--limit: %d is below 0", f.limit)
	case f.until != "":
		until, err := parseUntil(f.until, now)
		if err == nil && until.After(latestUntil) {
			until = latestUntil
		}
		return until, err
	case f.limited:
		return latestUntil, nil
	default:
		return now.Add(defaultUntil), nil
	}
}

// parseUntil reads a time to come: a duration from now, a day or a time by the local clock, or RFC 3339.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if d, err := config.ParseDuration(text); err == nil {
		if d < 0 {
			return time.Time{}, usagef("--until: %s is below 0", text)
		}
		return now.Add(d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		at, err := time.ParseInLocation(layout, text, time.Local)
		switch {
		case err != nil:
			continue
		case at.Before(now):
			return time.Time{}, usagef("--until: %s is past", text)
		}
		return at, nil
	}
	return time.Time{}, usagef("--until: %.40q is neither a duration, such as 12h or 7d, nor a time, such as 2026-12-24 or 2026-12-24T18:00:00+01:00",
		text)
}

// firing is one run of an entry.
type firing struct {
	entry *planned
	at    time.Time
	index int // of the entry
}

// soonest is a heap of the next run of each entry. Of runs at the same time the first is that of the
// entry that stands first.
type soonest []firing

func (s soonest) Len() int      { return len(s) }
func (s soonest) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s soonest) Less(i, j int) bool {
	if order := s[i].at.Compare(s[j].at); order != 0 {
		return order < 0
	}
	return s[i].index < s[j].index
}
func (s *soonest) Push(x any) { *s = append(*s, x.(firing)) }
func (s *soonest) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	*s = (*s)[:last]
	return x
}

// firings are the runs of entries after a time, the soonest first, without an end where there is none.
func firings(entries []planned, after time.Time) iter.Seq[firing] {
	return func(yield func(firing) bool) {
		var next soonest
		for i := range entries {
			if at := entries[i].timetable.Next(after); !at.IsZero() {
				next = append(next, firing{&entries[i], at, i})
			}
		}
		heap.Init(&next)
		for len(next) > 0 && yield(next[0]) {
			if at := next[0].entry.timetable.Next(next[0].at); at.IsZero() {
				heap.Pop(&next)
			} else {
				next[0].at = at
				heap.Fix(&next, 0)
			}
		}
	}
}

// nextRun is a run to come, in JSON. Entry is the identity of the entry, as the ledger has it.
type nextRun struct {
	Entry        string    `json:"entry"`
	Name         string    `json:"name"`
	ScheduledFor time.Time `json:"scheduled_for"`
	// NotBefore is when its task may start: later by the tick's share of the jitter.
	NotBefore time.Time `json:"not_before"`
	ID        string    `json:"id"`
	Key       string    `json:"key"`
}

// runPrinter prints runs to come, as JSON or as a table.
type runPrinter struct {
	pages
	lines *json.Encoder // nil for a table
	now   time.Time
}

func (c *cli) runPrinter(now time.Time, asJSON bool) *runPrinter {
	p := &runPrinter{now: now, pages: c.pages(pageRows,
		column{title: "AT"}, column{title: "IN", right: true}, column{title: "ENTRY"}, column{title: "KEY"}, column{title: "STARTS"})}
	if asJSON {
		p.lines = c.lines()
	}
	return p
}

func (p *runPrinter) print(r *firing) error {
	delay := r.entry.Delay(r.at)
	if p.lines != nil {
		return p.lines.Encode(nextRun{
			Entry: r.entry.Identity(), Name: r.entry.Name, ScheduledFor: r.at, NotBefore: r.at.Add(delay),
			ID: scheduler.TaskID(r.entry.Identity(), r.at), Key: r.entry.Key,
		})
	}
	return p.add(r.at.Format(time.RFC3339), span(r.at.Sub(p.now)), r.entry.Name, r.entry.Key, starts(r.entry, r.at))
}

// starts tells when the task of a run may start; nothing for an entry without jitter, whose tasks start
// when it fires.
func starts(e *planned, at time.Time) string {
	if e.Jitter == 0 {
		return ""
	}
	return at.Add(e.Delay(at)).Format(time.RFC3339)
}
