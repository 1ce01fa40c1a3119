package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func mustTimetable(t require.TestingT, cron, zone string) Timetable {
	c, err := Entry{Cron: cron, TZ: zone}.Timetable()
	require.NoError(t, err)
	return c
}

func mustTime(t require.TestingT, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}

// The changes of the clock here are those of the IANA data; the expected ticks were reckoned by
// hand.
func TestNextAroundClockChanges(t *testing.T) {
	for name, test := range map[string]struct {
		zone, cron, after string
		ticks             []string
	}{
		"a time that is jumped over fires at the change": {
			"America/New_York", "30 2 * * *", "2025-03-08T12:00:00Z",
			[]string{"2025-03-09T03:00:00-04:00", "2025-03-10T02:30:00-04:00"},
		},
		"several times that are jumped over fire once": {
			"America/New_York", "*/20 2 * * *", "2025-03-09T00:00:00-05:00",
			[]string{"2025-03-09T03:00:00-04:00", "2025-03-10T02:00:00-04:00", "2025-03-10T02:20:00-04:00"},
		},
		"a time that comes twice fires the first time": {
			"America/New_York", "30 1 * * *", "2025-11-01T12:00:00Z",
			[]string{"2025-11-02T01:30:00-04:00", "2025-11-03T01:30:00-05:00"},
		},
		"the hour that comes twice is over after the first": {
			"Europe/Berlin", "*/30 2,4 * * *", "2025-10-26T02:30:00+02:00",
			[]string{"2025-10-26T04:00:00+01:00", "2025-10-26T04:30:00+01:00", "2025-10-27T02:00:00+01:00"},
		},
		"in the hour that comes twice nothing is due again": {
			"Europe/Berlin", "*/30 2 * * *", "2025-10-26T02:10:00+01:00",
			[]string{"2025-10-27T02:00:00+01:00"},
		},
		"every hour keeps its pace forward": {
			"Europe/Berlin", "30 * * * *", "2025-03-30T00:30:00Z",
			[]string{"2025-03-30T03:30:00+02:00", "2025-03-30T04:30:00+02:00"},
		},
		"every hour keeps its pace back": {
			"Europe/Berlin", "30 * * * *", "2025-10-26T01:30:00+02:00",
			[]string{"2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00", "2025-10-26T03:30:00+01:00"},
		},
		"the change itself is seen": {
			"Europe/Berlin", "@hourly", "2025-10-26T02:00:00+02:00",
			[]string{"2025-10-26T02:00:00+01:00", "2025-10-26T03:00:00+01:00"},
		},
		"midnight that is jumped over": {
			"America/Santiago", "@daily", "2025-09-06T12:00:00Z",
			[]string{"2025-09-07T01:00:00-03:00", "2025-09-08T00:00:00-03:00"},
		},
		"half an hour back": {
			"Australia/Lord_Howe", "0 2 * * *", "2025-04-05T12:00:00+11:00",
			[]string{"2025-04-06T02:00:00+10:30", "2025-04-07T02:00:00+10:30"},
		},
		"half an hour forward": {
			"Australia/Lord_Howe", "15 2 * * *", "2025-10-04T12:00:00+10:30",
			[]string{"2025-10-05T02:30:00+11:00", "2025-10-06T02:15:00+11:00"},
		},
		"a day that is left out": {
			"Pacific/Apia", "0 9 * * *", "2011-12-29T08:00:00-10:00",
			[]string{"2011-12-29T09:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"},
		},
		"no changes": {
			"Asia/Tokyo", "15 0 9 * * *", "2026-02-28T00:00:15Z",
			[]string{"2026-03-01T09:00:15+09:00"},
		},
		"a leap day": {
			"UTC", "0 0 29 2 *", "2024-02-29T00:00:00Z", []string{"2028-02-29T00:00:00Z"},
		},
		"day of month or of week": {
			"UTC", "0 0 13 * FRI", "2026-02-06T00:00:00Z",
			[]string{"2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := mustTimetable(t, test.cron, test.zone)
			at, got := mustTime(t, test.after), []string{}
			for range test.ticks {
				at = c.Next(at)
				got = append(got, at.Format(time.RFC3339))
			}
			assert.Equal(t, test.ticks, got)
		})
	}
}

func TestNextIgnoresTheMonotonicClock(t *testing.T) {
	next := mustTimetable(t, "@hourly", "UTC").Next(time.Now())
	assert.Equal(t, next.Round(0), next)
}

func TestNextOfALeapDayBefore2100(t *testing.T) {
	c := mustTimetable(t, "0 0 29 2 *", "UTC")
	assert.Zero(t, c.Next(mustTime(t, "2096-02-29T00:00:00Z")))
	due, _ := c.Due(mustTime(t, "2096-02-29T00:00:00Z"), mustTime(t, "2097-01-01T00:00:00Z"), 10)
	assert.Empty(t, due)
}

// plan is an entry as sets of numbers, from which both its cron expression and an independent
// reckoning of its ticks are made.
type plan struct {
	minutes, hours, weekdays []int // empty: all
}

func (p plan) cron() string {
	field := func(set []int) string {
		if len(set) == 0 {
			return "*"
		}
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(set), " ", ","), "[]")
	}
	return field(p.minutes) + " " + field(p.hours) + " * * " + field(p.weekdays)
}

func (p plan) matches(reading time.Time) bool {
	in := func(set []int, n int) bool { return len(set) == 0 || slices.Contains(set, n) }
	return in(p.minutes, reading.Minute()) && in(p.hours, reading.Hour()) && in(p.weekdays, int(reading.Weekday()))
}

// reckon finds the ticks in (from, to], which are whole minutes, by looking at the clock of the zone in every minute.
func (p plan) reckon(zone *time.Location, from, to time.Time) []time.Time {
	show := func(t time.Time) time.Time {
		shown, _ := time.Parse(time.DateTime, t.In(zone).Format(time.DateTime))
		return shown
	}
	var ticks []time.Time
	latest := show(from.AddDate(0, 0, -2)) // before any change of the clock that matters here
	for t := from.AddDate(0, 0, -2); !t.After(to); t = t.Add(time.Minute) {
		shown, fires := show(t), false
		if len(p.hours) == 0 {
			fires = p.matches(shown)
		}
		for latest.Before(shown) {
			latest = latest.Add(time.Minute)
			fires = fires || len(p.hours) > 0 && p.matches(latest)
		}
		if fires && t.After(from) {
			ticks = append(ticks, t)
		}
	}
	return ticks
}

var changes = map[string][]string{
	"UTC":                 {"2025-03-30T01:00:00Z"},
	"Europe/Berlin":       {"2025-03-30T01:00:00Z", "2025-10-26T01:00:00Z"},
	"America/New_York":    {"2025-03-09T07:00:00Z", "2025-11-02T06:00:00Z"},
	"America/Santiago":    {"2025-04-06T03:00:00Z", "2025-09-07T04:00:00Z"},
	"Australia/Lord_Howe": {"2025-04-05T15:00:00Z", "2025-10-04T15:30:00Z"},
	"Asia/Kathmandu":      {"2025-06-01T00:00:00Z"},
}

func genSet(low, high, most int) *rapid.Generator[[]int] {
	return rapid.Map(rapid.SliceOfNDistinct(rapid.IntRange(low, high), 0, most, rapid.ID), func(set []int) []int {
		slices.Sort(set)
		return set
	})
}

// The ticks are those of the independent reckoning: none twice, none early, and none missed but
// the oldest beyond the limit.
func TestDueAgainstReckoning(t *testing.T) {
	zones := make([]string, 0, len(changes))
	for zone := range changes {
		zones = append(zones, zone)
	}
	slices.Sort(zones)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(zones).Draw(t, "zone")
		change := mustTime(t, rapid.SampledFrom(changes[name]).Draw(t, "change"))
		p := plan{
			minutes:  genSet(0, 59, 4).Draw(t, "minutes"),
			hours:    genSet(0, 4, 3).Draw(t, "hours"), // the hours in which clocks are changed
			weekdays: genSet(0, 6, 6).Draw(t, "weekdays"),
		}
		last := change.Add(time.Duration(rapid.IntRange(-30*60, 60).Draw(t, "last")) * time.Minute)
		now := last.Add(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "passed")) * time.Minute)
		limit := rapid.IntRange(1, 50).Draw(t, "limit")

		c := mustTimetable(t, p.cron(), name)
		want := p.reckon(c.zone, last, now)
		ticks, dropped := c.Due(last, now, limit)
		if kept := want[max(len(want)-limit, 0):]; !slices.EqualFunc(ticks, kept, time.Time.Equal) {
			t.Fatalf("%s in %s: due %v, reckoned %v", p.cron(), name, ticks, kept)
		}
		if len(want) > limit {
			if !dropped.Equal(want[0]) {
				t.Fatalf("dropped from %v, reckoned %v", dropped, want[0])
			}
		} else if !dropped.IsZero() {
			t.Fatalf("dropped from %v, reckoned none", dropped)
		}
	})
}
