package scheduler

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func timetable(t require.TestingT, e Entry) Timetable {
	table, err := e.Timetable()
	require.NoError(t, err)
	return table
}

// The fingerprints are for ever: the ledger remembers them.
func TestTimetableStringGolden(t *testing.T) {
	for want, e := range map[string]Entry{
		"cron 0 9 * * * Asia/Tokyo":             daily(),
		"cron @daily UTC":                       {Cron: "@daily"},
		"cron 30 0 9 * * mon-fri Europe/Berlin": {Cron: " 30 0  9 * * MON-FRI ", TZ: "Europe/Berlin"},
		"every 1h30m0s":                         {Every: 90 * time.Minute, TZ: "Asia/Tokyo"},
		"at 2026-12-24T17:00:00Z":               {At: "2026-12-24T18:00:00+01:00", TZ: "Asia/Tokyo"},
		"at 2026-12-24T18:00:00 Europe/Berlin":  {At: "2026-12-24T18:00:00", TZ: "Europe/Berlin"},
		"at 2026-03-29T02:30:00 Europe/Berlin":  {At: "2026-03-29T02:30:00", TZ: "Europe/Berlin"}, // jumped over
		"at 2026-12-24T18:00:00 UTC":            {At: "2026-12-24T18:00:00"},
	} {
		assert.Equal(t, want, timetable(t, e).String())
		e.Name, e.ID, e.Key, e.Jitter, e.Payload = "other", "o", "other", time.Hour, []byte("[]")
		e.CatchUp = CatchUp{Policy: CatchUpNone}
		assert.Equal(t, want, timetable(t, e).String(), "of the timing only")
	}
}

func TestTimetableError(t *testing.T) {
	_, err := Entry{Name: "n", Cron: "@daily", TZ: "Mars/Olympus"}.Timetable()
	require.ErrorIs(t, err, ErrInvalidEntry)
	assert.EqualError(t, err, `invalid schedule entry "n": tz: unknown time zone Mars/Olympus`)
	_, err = Entry{Name: "n"}.Timetable()
	assert.EqualError(t, err, `invalid schedule entry "n": cron: nothing says when: one of cron, every and at is needed`)
}

func TestZeroTimetableNeverFires(t *testing.T) {
	var never Timetable
	assert.Zero(t, never.Next(start))
	assert.Zero(t, never.Previous(start))
	due, dropped := never.Due(time.Time{}, start, 10)
	assert.Empty(t, due)
	assert.Zero(t, dropped)
}

func TestEvery(t *testing.T) {
	for name, test := range map[string]struct {
		every          time.Duration
		after          string
		previous, next string
	}{
		"between":              {90 * time.Minute, "1970-01-02T00:00:01+09:00", "1970-01-01T15:00:00Z", "1970-01-01T16:30:00Z"},
		"strictly after":       {90 * time.Minute, "1970-01-01T01:30:00Z", "1970-01-01T00:00:00Z", "1970-01-01T03:00:00Z"},
		"a part of a second":   {time.Second, "2026-11-22T06:00:00.999Z", "2026-11-22T06:00:00Z", "2026-11-22T06:00:01Z"},
		"over a change":        {time.Hour, "2026-10-25T02:00:00+02:00", "2026-10-24T23:00:00Z", "2026-10-25T01:00:00Z"},
		"the first":            {MaxEvery, "1960-01-01T00:00:00Z", "", "1970-01-01T00:00:00Z"},
		"the second before it": {time.Hour, "1969-12-31T23:59:59.5Z", "", "1970-01-01T00:00:00Z"},
		"the longest":          {MaxEvery, "1970-01-01T00:00:00Z", "", "1971-01-02T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			table, after := timetable(t, Entry{Every: test.every}), mustTime(t, test.after)
			assert.Equal(t, mustTime(t, test.next), table.Next(after))
			if test.previous == "" {
				assert.Zero(t, table.Previous(after))
			} else {
				assert.Equal(t, mustTime(t, test.previous), table.Previous(after))
			}
		})
	}
}

func TestAt(t *testing.T) {
	for name, test := range map[string]struct{ at, zone, fires string }{
		"with an offset":     {"2026-12-24T18:00:00+01:00", "Asia/Tokyo", "2026-12-25T02:00:00+09:00"},
		"by the zone":        {"2026-12-24T18:00:00", "Europe/Berlin", "2026-12-24T18:00:00+01:00"},
		"in UTC":             {"2026-12-24T18:00:00", "", "2026-12-24T18:00:00Z"},
		"jumped over":        {"2026-03-29T02:30:00", "Europe/Berlin", "2026-03-29T03:00:00+02:00"},
		"shown twice":        {"2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T02:30:00+02:00"},
		"the second of them": {"2026-10-25T02:30:00+01:00", "Europe/Berlin", "2026-10-25T02:30:00+01:00"},
		"a day left out":     {"2011-12-30T12:00:00", "Pacific/Apia", "2011-12-31T00:00:00+14:00"},
	} {
		t.Run(name, func(t *testing.T) {
			table, fires := timetable(t, Entry{At: test.at, TZ: test.zone}), mustTime(t, test.fires)
			assert.Equal(t, test.fires, table.Next(time.Time{}).Format(time.RFC3339))
			assert.True(t, table.Next(fires.Add(-1)).Equal(fires))
			assert.Zero(t, table.Next(fires), "once")
			assert.Zero(t, table.Previous(fires))
			assert.True(t, table.Previous(fires.Add(1)).Equal(fires))
			due, dropped := table.Due(fires.AddDate(-500, 0, 0), fires.AddDate(500, 0, 0), 3)
			assert.Len(t, due, 1)
			assert.Zero(t, dropped)
		})
	}
}

// A burst long ago is found without going through all of it.
func TestPreviousOfABurst(t *testing.T) {
	table := timetable(t, Entry{Cron: "* * * * 1 *"})
	assert.Equal(t, mustTime(t, "2026-01-31T23:59:59Z"), table.Previous(mustTime(t, "2026-11-22T06:00:00Z")))
	assert.Equal(t, mustTime(t, "2026-01-31T23:59:59Z"), table.Previous(mustTime(t, "2027-01-01T00:00:00Z")))
}

func TestPreviousOfNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := timetable(t, Entry{
			Cron: rapid.SampledFrom([]string{"@hourly", "@daily", "@yearly", "*/7 * * * * *", "30 1,2,3 * * *", "0 9 1 */5 SUN"}).Draw(t, "cron"),
			TZ:   rapid.SampledFrom([]string{"UTC", "America/Santiago", "Australia/Lord_Howe"}).Draw(t, "zone"),
		})
		at := time.Unix(rapid.Int64Range(946684800, 4102444800).Draw(t, "second"), 0)
		next := table.Next(at)
		previous := table.Previous(next)
		assert.False(t, previous.IsZero())
		assert.False(t, previous.After(at))
		assert.Equal(t, next, table.Next(previous))
	})
}
