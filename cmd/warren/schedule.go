package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/scheduler"
)

func (c *cli) schedule() *cobra.Command {
	return c.group("schedule", "Show when the entries of the schedule fire, and what they have emitted",
		c.scheduleList(), c.scheduleNext(), c.scheduleHistory())
}

// planned is an entry of the schedule with when it fires.
type planned struct {
	scheduler.Entry
	timetable scheduler.Timetable
	zone      *time.Location
}

// loadSchedule reads the configuration of a command that makes no sense without a schedule, and returns
// the entries that are named by their names or ids; all of them where none is named.
func (c *cli) loadSchedule(names []string) (*config.Config, []planned, error) {
	cfg, err := c.loadFile()
	if err != nil {
		return nil, nil, usageError{err}
	}
	if len(cfg.Schedules) == 0 {
		return nil, nil, usagef("%s: schedules: there is none", cfg.File)
	}
	chosen := cfg.Schedules
	if len(names) > 0 {
		chosen = nil
		for _, name := range names {
			entry, found := findEntry(cfg.Schedules, name)
			if !found {
				return nil, nil, usagef("%s: schedules: none is called %.40q", cfg.File, name)
			}
			twice := slices.ContainsFunc(chosen, func(e scheduler.Entry) bool { return e.Name == entry.Name })
			if !twice {
				chosen = append(chosen, entry)
			}
		}
	}
	entries := make([]planned, len(chosen))
	for i, e := range chosen {
		timetable, err := e.Timetable()
		zone, failed := time.LoadLocation(e.TZ)
		if err := errors.Join(err, failed); err != nil {
			return nil, nil, usageError{err}
		}
		entries[i] = planned{e, timetable, zone}
	}
	return cfg, entries, nil
}

// findEntry returns the entry with a name or, where none has it, with that identity.
func findEntry(entries []scheduler.Entry, name string) (scheduler.Entry, bool) {
	for _, e := range entries {
		if e.Name == name {
			return e, true
		}
	}
	for _, e := range entries {
		if e.Identity() == name {
			return e, true
		}
	}
	return scheduler.Entry{}, false
}

// when tells when an entry fires, and by which clock.
func (p *planned) when() string {
	switch {
	case p.Every > 0: // by none
		return "every " + days(p.Every)
	case p.Cron != "":
		return "cron " + p.Cron + " " + p.TZ
	}
	if _, err := time.Parse(time.RFC3339, p.At); err == nil { // it has its offset
		return "at " + p.At
	}
	return "at " + p.At + " " + p.TZ
}

// days writes a duration as warren.yaml has it, such as 1d12h or 5m.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	text := ""
	if d >= day {
		text = fmt.Sprintf("%dd", d/day)
		d %= day
		if d == 0 {
			return text
		}
	}
	rest := d.String()
	for _, zero := range []struct{ end, cut string }{{"m0s", "0s"}, {"h0m", "0m"}} {
		if strings.HasSuffix(rest, zero.end) {
			rest = strings.TrimSuffix(rest, zero.cut)
		}
	}
	return text + rest
}
