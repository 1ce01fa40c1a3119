package scheduler

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// The table of docs/schedules.md.
func TestNextAsDocumented(t *testing.T) {
	for e, want := range map[string][2][]string{
		"30 1 * * *":          {{"01:30+01:00"}, {"01:30+02:00"}},
		"30 2 * * *":          {{"03:00+02:00"}, {"02:30+02:00"}},
		"*/20 2 * * *":        {{"03:00+02:00"}, {"02:00+02:00", "02:20+02:00", "02:40+02:00"}},
		"0 3 * * *":           {{"03:00+02:00"}, {"03:00+01:00"}},
		"30 * * * *":          {{"01:30+01:00", "03:30+02:00"}, {"01:30+02:00", "02:30+02:00", "02:30+01:00", "03:30+01:00"}},
		"every":               {{"01:00+01:00", "03:00+02:00"}, {"01:00+02:00", "02:00+02:00", "02:00+01:00", "03:00+01:00"}},
		"2026-03-29T02:30:00": {{"03:00+02:00"}, nil},
		"2026-10-25T02:30:00": {nil, {"02:30+02:00"}},
	} {
		entry := Entry{TZ: "Europe/Berlin"}
		switch {
		case e == "every":
			entry.Every = time.Hour
		case e[0] == '2':
			entry.At = e
		default:
			entry.Cron = e
		}
		for i, window := range [2][2]string{
			{"2026-03-29T01:00:00+01:00", "2026-03-29T04:00:00+02:00"}, {"2026-10-25T01:00:00+02:00", "2026-10-25T04:00:00+01:00"},
		} {
			due, _ := timetable(t, entry).Due(mustTime(t, window[0]).Add(-1), mustTime(t, window[1]).Add(-1), 100)
			var got []string
			for _, tick := range due {
				got = append(got, tick.Format("15:04Z07:00"))
			}
			assert.Equal(t, want[i], got, e)
		}
	}
}
