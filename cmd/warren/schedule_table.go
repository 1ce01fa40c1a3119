package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warrenmq/warren/scheduler"
)

func (c *cli) listEntriesJSON(entries []planned, told *schedulers) error {
	lines := c.lines()
	for i := range entries {
		if err := lines.Encode(told.status(&entries[i])); err != nil {
			return err
		}
	}
	return nil
}

// listEntries prints a line an entry, and who leads; what differs between the file and what the
// schedulers have is noted.
func (c *cli) listEntries(file string, entries []planned, told *schedulers) error {
	t := table{columns: []column{
		{title: "NAME"}, {title: "WHEN"}, {title: "KEY"}, {title: "NEXT"}, {title: "LAST"}, {title: "LATE", right: true},
		{title: "MISSED", right: true}, {title: "CATCH UP"},
	}}
	statuses := make([]entryStatus, len(entries))
	for i := range entries {
		p, s := &entries[i], &statuses[i]
		*s = told.status(p)
		next, last, late := "none", unknown, unknown
		if len(s.Next) > 0 {
			next = s.Next[0].Format(time.RFC3339)
		}
		if s.Last != nil {
			last, late = s.Last.ScheduledFor.Format(time.RFC3339), threeDigits(s.Last.late())
		}
		t.add(s.Name, p.when(), s.Key, next, last, late, s.missed(), catchUp(p.CatchUp))
	}
	if err := t.write(c.stdout, 0); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c.stdout, onOneLine(told.leads())); err != nil {
		return err
	}
	c.noteDifferences(file, statuses, told)
	return nil
}

// noteDifferences tells of entries that the file and the schedulers do not both have.
func (c *cli) noteDifferences(file string, statuses []entryStatus, told *schedulers) {
	known := told.ledger.Entries()
	var differ, theirs, gone []string
	for i := range statuses {
		s := &statuses[i]
		if s.Since == nil {
			differ = append(differ, s.Name)
		}
		delete(known, s.Entry)
	}
	for _, identity := range slices.Sorted(maps.Keys(known)) {
		e := known[identity]
		name := onOneLine(e.Name)
		if name == "" {
			name = onOneLine(identity)
		}
		if e.AbsentSince.IsZero() {
			theirs = append(theirs, name)
		} else {
			gone = append(gone, name)
		}
	}
	if len(differ) > 0 && !told.never {
		c.notef("no leader has had these as they are in %s, so their ticks do not count yet: %s", file, some(differ))
	}
	if len(theirs) > 0 {
		c.notef("the schedulers have entries that %s has not: %s", file, some(theirs))
	}
	if len(gone) > 0 {
		c.notef("no schedule has these any more, and they are remembered for 30 days: %s", some(gone))
	}
}

// some writes the first of some names.
func some(names []string) string {
	const most = 20
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// showEntry prints all that is known of an entry, for people.
func (c *cli) showEntry(p *planned, told *schedulers) error {
	s := told.status(p)
	ago := func(at time.Time) string { return at.Format(time.RFC3339) + ", " + age(told.at, at) }
	var out sheet
	out.line("name", s.Name)
	out.line("id", s.Entry)
	out.line("when", p.when())
	out.line("key", s.Key)
	if p.Jitter > 0 {
		out.line("jitter", days(p.Jitter))
	}
	out.line("catch up", catchUp(p.CatchUp))
	switch {
	case s.Since != nil:
		out.line("counts", "since "+ago(*s.Since))
		out.line("settled", "up to "+ago(*s.SettledTo))
	case s.AbsentSince != nil:
		out.line("absent", "from the leader's configuration since "+ago(*s.AbsentSince))
	default:
		out.line("counts", "not yet: no leader has had it with these times")
	}
	missed := s.missed()
	if s.MissedFrom != nil {
		missed += ", from " + ago(*s.MissedFrom)
	}
	out.line("missed", missed)
	last := ""
	if s.Last != nil {
		last = fmt.Sprintf("%s, %s late\n%s", ago(s.Last.ScheduledFor), threeDigits(s.Last.late()), s.Last.ID)
	}
	out.line("last", last)
	out.line("next", strings.Join(nextLines(p, &s, told.at), "\n"))
	out.line("leader", onOneLine(told.leads()))
	_, err := fmt.Fprint(c.stdout, out.String())
	return err
}

// nextLines tells of the runs to come, a line each.
func nextLines(p *planned, s *entryStatus, now time.Time) []string {
	if len(s.Next) == 0 {
		return []string{"none"}
	}
	var lines []string
	for _, at := range s.Next {
		line := at.Format(time.RFC3339) + ", in " + span(at.Sub(now))
		if start := starts(p, at); start != "" {
			line += ", starts at " + start
		}
		lines = append(lines, line)
	}
	return lines
}

// missed tells how many ticks are late.
func (s *entryStatus) missed() string {
	if s.MissedAtLeast {
		return strconv.Itoa(*s.Missed) + "+"
	}
	return number(s.Missed)
}

// catchUp writes what becomes of missed ticks.
func catchUp(c scheduler.CatchUp) string {
	if c.Policy != scheduler.CatchUpAll {
		return string(c.Policy)
	}
	return fmt.Sprintf("%s, max %d, spacing %s", c.Policy, c.Max, days(c.Delay(1)))
}

// leads tells who leads.
func (t *schedulers) leads() string {
	l := t.leaderStatus()
	switch {
	case t.never:
		return "nobody leads: no scheduler has run yet"
	case l == nil:
		return "nobody is known to lead"
	case l.Leads:
		since := ""
		if l.Since != nil {
			since = " since " + l.Since.Local().Format(time.DateTime)
		}
		renewed := max(0, t.at.Sub(l.Renewed).Round(time.Millisecond))
		return fmt.Sprintf("term %d is led by %s%s, renewed %s ago", l.Term, l.Holder, since, threeDigits(renewed))
	case l.Resigned:
		return fmt.Sprintf("nobody leads: term %d was left by %s %s", l.Term, l.Holder, age(t.at, l.Renewed))
	default:
		return fmt.Sprintf("nobody leads: term %d of %s was last renewed %s", l.Term, l.Holder, age(t.at, l.Renewed))
	}
}
