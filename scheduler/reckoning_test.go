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

// plan is a cron entry as sets of numbers, from which both its expression and an independent
// reckoning of its ticks are made.
type plan struct {
	seconds, minutes, hours, days, months, weekdays []int // empty: all, of seconds the first
}

func (p plan) cron() string {
	var fields []string
	for _, set := range [][]int{p.seconds, p.minutes, p.hours, p.days, p.months, p.weekdays} {
		field := "*"
		if len(set) > 0 {
			field = strings.Trim(strings.ReplaceAll(fmt.Sprint(set), " ", ","), "[]")
		}
		fields = append(fields, field)
	}
	if len(p.seconds) == 0 {
		fields = fields[1:]
	}
	return strings.Join(fields, " ")
}

// step is how often the clock is looked at.
func (p plan) step() int64 {
	if len(p.seconds) == 0 {
		return 60
	}
	return 1
}

// bitsOf is a set as a bit for each number; an empty one has all.
func bitsOf(set []int) uint64 {
	if len(set) == 0 {
		return 1<<64 - 1
	}
	var bits uint64
	for _, n := range set {
		bits |= 1 << n
	}
	return bits
}

// matcher returns a function that reports whether a reading, in seconds since 1970 by the clock, is
// one of the plan's. It is asked for every minute of years.
func (p plan) matcher() func(reading int64) bool {
	seconds, minutes, hours := bitsOf(p.seconds), bitsOf(p.minutes), bitsOf(p.hours)
	days, months, weekdays := bitsOf(p.days), bitsOf(p.months), bitsOf(p.weekdays)
	either := len(p.days) > 0 && len(p.weekdays) > 0
	return func(reading int64) bool {
		if minutes>>(reading/60%60)&1 == 0 || hours>>(reading/3600%24)&1 == 0 || seconds>>(reading%60)&1 == 0 {
			return false
		}
		date := time.Unix(reading, 0).UTC()
		day, weekday := days>>date.Day()&1 == 1, weekdays>>date.Weekday()&1 == 1
		return months>>date.Month()&1 == 1 && (day && weekday || either && (day || weekday))
	}
}

// wall is what the clock of a zone shows, in seconds since 1970 by the clock, at every step of a time.
type wall struct {
	zone        *time.Location
	start, step int64
	shown       []int64
}

// look looks at the clock in every step of (from, to], and for a while before: the longest that the
// clock, put back, shows again what it has shown.
func look(zone *time.Location, from, to time.Time, step int64) wall {
	w := wall{zone: zone, start: from.Add(-3 * time.Hour).Unix(), step: step}
	for second := w.start; second <= to.Unix(); second += step {
		_, offset := time.Unix(second, 0).In(zone).Zone()
		w.shown = append(w.shown, second+int64(offset))
	}
	return w
}

// reckon finds the ticks of a plan in (from, end of the wall]. A plan of every hour fires whenever
// one of its readings is shown, another when a reading is shown or jumped over for the first time.
func (w wall) reckon(p plan, from time.Time) []time.Time {
	var ticks []time.Time
	matches, pace, step, latest := p.matcher(), len(p.hours) == 0, w.step, w.shown[0]
	minutes := bitsOf(p.minutes)
	for i, shown := range w.shown {
		if shown == latest+step && minutes>>(shown/60%60)&1 == 0 {
			latest = shown // the ordinary case, quickly
			continue
		}
		fires := pace && matches(shown)
		for ; latest < shown; latest += step {
			fires = fires || !pace && matches(latest+step)
		}
		if !fires {
			continue
		}
		if at := time.Unix(w.start+int64(i)*step, 0); at.After(from) {
			ticks = append(ticks, at.In(w.zone))
		}
	}
	return ticks
}

// reckonEvery finds the ticks of an interval in (from, end of the wall].
func (w wall) reckonEvery(interval time.Duration, from time.Time) []time.Time {
	var ticks []time.Time
	seconds := int64(interval / time.Second)
	for second := w.start; second < w.start+int64(len(w.shown))*w.step; second += w.step {
		if second%seconds == 0 && second > from.Unix() {
			ticks = append(ticks, time.Unix(second, 0).In(w.zone))
		}
	}
	return ticks
}

// walk is what Next tells of the ticks in (from, to], up to the first that does not ascend.
func walk(table Timetable, from, to time.Time) []time.Time {
	var ticks []time.Time
	for before, t := from, table.Next(from); !t.IsZero() && !t.After(to); before, t = t, table.Next(t) {
		ticks = append(ticks, t)
		if !t.After(before) {
			break
		}
	}
	return ticks
}

// same fails the test at the first difference of two lists of ticks, and where one does not ascend.
func same(t require.TestingT, what string, want, got []time.Time) {
	for i, tick := range got {
		if i < len(want) && !want[i].Equal(tick) {
			require.FailNow(t, what, "tick %d: reckoned %s, got %s", i, want[i], tick)
		}
		if i > 0 && !got[i-1].Before(tick) {
			require.FailNow(t, what, "%s after %s", tick, got[i-1])
		}
	}
	require.Len(t, got, len(want), what)
}

// The years, and zones of all kinds: changes by an hour, half an hour, two hours, at midnight, a day
// that is left out, a clock that is put back for Ramadan, one that was last changed in that year, and none.
var zoneYears = map[string]int{
	"America/New_York":    2025,
	"Europe/Berlin":       2026,
	"Australia/Lord_Howe": 2025,
	"America/Santiago":    2025,
	"America/Asuncion":    2024,
	"Pacific/Apia":        2011,
	"Asia/Tokyo":          2026,
	"Africa/Casablanca":   2026,
	"Antarctica/Troll":    2025,
}

// A year of each zone, with every minute of it looked at.
func TestYearAgainstReckoning(t *testing.T) {
	hours := func(h ...int) []int { return h }
	plans := []plan{
		{minutes: []int{30}, weekdays: []int{0, 6}},                                 // a pace on the days of most changes
		{minutes: []int{0}, months: []int{2, 3, 4, 10}, days: []int{1, 18, 25, 29}}, // in more months
		{minutes: []int{30}, hours: hours(2)},                                       // in most changes
		{minutes: []int{0, 20}, hours: hours(0, 1, 2, 3)},                           // around them
		{minutes: []int{5}, hours: hours(23), days: []int{13}, weekdays: []int{5}},  // either
		{minutes: []int{0}, hours: hours(0), days: []int{29, 30, 31}, months: []int{2, 3, 10, 12}},
		{hours: hours(2), weekdays: []int{0}}, // every minute of an hour
	}
	for name, year := range zoneYears {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(name)
			require.NoError(t, err)
			from, to := time.Date(year, 1, 1, 0, 0, 0, 0, zone).Add(-1), time.Date(year+1, 1, 1, 0, 0, 0, 0, zone)
			from = from.Truncate(time.Minute)
			seen := look(zone, from, to, 60)
			for _, p := range plans {
				table, want := timetable(t, Entry{Cron: p.cron(), TZ: name}), seen.reckon(p, from)
				same(t, p.cron(), want, walk(table, from, to))
				for _, change := range changesOf(zone, year) { // from any time near it, not only from ticks
					for at := change.Add(-2 * time.Hour); at.Before(change.Add(3 * time.Hour)); at = at.Add(10 * time.Minute) {
						i := slices.IndexFunc(want, at.Before)
						if next := table.Next(at); i >= 0 && !next.Equal(want[i]) {
							require.FailNow(t, p.cron(), "after %s: reckoned %s, got %s", at, want[i], next)
						}
					}
				}
			}
			for _, interval := range []time.Duration{7 * time.Hour, 7 * 24 * time.Hour} {
				same(t, interval.String(), seen.reckonEvery(interval, from), walk(timetable(t, Entry{Every: interval, TZ: name}), from, to))
			}
		})
	}
}

// changesOf are the changes of a zone's clock in a year.
func changesOf(zone *time.Location, year int) []time.Time {
	var changes []time.Time
	t, end := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).In(zone), time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
	for {
		_, change := t.ZoneBounds()
		if change.IsZero() || !change.Before(end) {
			return changes
		}
		changes, t = append(changes, change), change
	}
}

// drawWindow is a zone, and a time of some year, mostly near a change of its clock.
func drawWindow(t *rapid.T) (zone *time.Location, near time.Time) {
	zones := []string{"Asia/Kathmandu", "Europe/London", "America/St_Johns", "Pacific/Chatham"}
	for name := range zoneYears {
		zones = append(zones, name)
	}
	slices.Sort(zones)
	zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	require.NoError(t, err)
	year := rapid.IntRange(1980, 2037).Draw(t, "year")
	near = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 364).Draw(t, "day"))
	if changes := changesOf(zone, year); len(changes) > 0 {
		near = rapid.SampledFrom(changes).Draw(t, "change")
	}
	return zone, near
}

func drawSet(t *rapid.T, label string, low, high, most int) []int {
	set := rapid.SliceOfNDistinct(rapid.IntRange(low, high), 0, most, rapid.ID).Draw(t, label)
	slices.Sort(set)
	return set
}

func drawPlan(t *rapid.T) plan {
	return plan{
		minutes: drawSet(t, "minutes", 0, 59, 4),
		hours:   drawSet(t, "hours", 0, 4, 3), // the hours in which clocks are changed
		// The window is of a day or two, so most days are among them.
		days:     drawSet(t, "days", 1, 28, 1),
		weekdays: drawSet(t, "weekdays", 0, 6, 6),
	}
}

// What is due is that of the independent reckoning: none twice, none early, and none missed but the
// oldest beyond the limit.
func TestDueAgainstReckoning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone, near := drawWindow(t)
		p := drawPlan(t)
		last := near.Add(time.Duration(rapid.IntRange(-30*60, 60).Draw(t, "last")) * time.Minute)
		now := last.Add(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "passed")) * time.Minute)
		limit := rapid.IntRange(1, 50).Draw(t, "limit")

		table := timetable(t, Entry{Cron: p.cron(), TZ: zone.String()})
		want := look(zone, last, now, p.step()).reckon(p, last)
		due, dropped := table.Due(last, now, limit)
		same(t, p.cron(), want[max(len(want)-limit, 0):], due)
		same(t, p.cron(), want, walk(table, last, now))
		if len(want) > limit {
			assert.True(t, dropped.Equal(want[0]), "dropped from %v, reckoned %v", dropped, want[0])
		} else {
			assert.Zero(t, dropped)
		}
		if len(want) > 0 {
			assert.True(t, table.Previous(now.Add(1)).Equal(want[len(want)-1]))
		}
	})
}

// The same to the second, in a narrower window.
func TestSecondsAgainstReckoning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone, near := drawWindow(t)
		p := drawPlan(t)
		p.seconds = append(drawSet(t, "seconds", 1, 59, 2), 0)
		last := near.Add(time.Duration(rapid.IntRange(-2*3600, 3600).Draw(t, "last")) * time.Second)
		now := last.Add(time.Duration(rapid.IntRange(0, 3*3600).Draw(t, "passed")) * time.Second)
		want := look(zone, last, now, p.step()).reckon(p, last)
		same(t, p.cron(), want, walk(timetable(t, Entry{Cron: p.cron(), TZ: zone.String()}), last, now))
	})
}
