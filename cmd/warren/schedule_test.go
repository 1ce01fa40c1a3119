package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/scheduler"
)

const timetables = `
schedules:
  daily-report: {id: report-1, cron: "0 9 * * MON-FRI", tz: Asia/Tokyo, jitter: 5m, key: report.daily, catch_up: {policy: all, max: 500, spacing: 10s}}
  tidy: {every: 90m, key: tidy.up, catch_up: none}
  christmas: {at: "2026-12-24T18:00:00", tz: Europe/Berlin, key: greet.christmas}
  past: {at: "2025-12-24T18:00:00", tz: Europe/Berlin, key: greet.christmas}
`

// sunday is the time of these tests.
var sunday = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)

// atSunday is a run of the program at that time; out and errs are what it has written.
func atSunday(t *testing.T, text string) (c *cli, out, errs *bytes.Buffer) {
	t.Helper()
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	return &cli{
		stdout: &output{Writer: out}, stderr: errs, getenv: environment{}.lookup, file: file(t, text),
		now: func() time.Time { return sunday },
	}, out, errs
}

func TestScheduleUsage(t *testing.T) {
	path := file(t, timetables)
	for want, args := range map[string][]string{
		`--until: "soon" is neither a duration, such as 12h or 7d, nor a time`: {"next", "--until", "soon"},
		`--until: -1h is below 0`:            {"next", "--until", "-1h"},
		`--until: 2020-02-29 is past`:        {"next", "--until", "2020-02-29"},
		`--limit: -1 is below 0`:             {"next", "--limit", "-1"},
		`schedules: none is called "nope"`:   {"next", "tidy", "nope"},
		`schedules: none is called "old"`:    {"ls", "old"},
		`at most 1 arg(s), received 2`:       {"ls", "tidy", "past"},
		`warren: --since: "soon" is not a`:   {"history", "--since", "soon"},
		`warren: --since: -1s is below 0`:    {"history", "--since", "-1s"},
		`warren: --limit: -2 is below 0`:     {"history", "--limit", "-2"},
		`--kind: "gone" is none of tick, sk`: {"history", "--kind", "tick", "--kind", "gone"},
		`schedules: there is none`:           {"-c", file(t, ""), "next"},
		`unknown command "list" for "warren`: {"list"},
	} {
		o := environment{}.run(t.Context(), append([]string{"-c", path, "schedule"}, args...)...)
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, want)
		assert.Empty(t, o.stdout)
	}
}

func TestDays(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "1.5s": 1500 * time.Millisecond, "1m": time.Minute, "1h30m": 90 * time.Minute, "1h": time.Hour, "10h0m1s": 10*time.Hour + time.Second,
		"1d": 24 * time.Hour, "366d": 366 * 24 * time.Hour, "1d12h": 36 * time.Hour, "20m": 20 * time.Minute,
	} {
		assert.Equal(t, want, days(d))
	}
}

func TestWhen(t *testing.T) {
	for want, e := range map[string]scheduler.Entry{
		"cron 0 9 * * MON-FRI Asia/Tokyo":      {Cron: "0 9 * * MON-FRI", TZ: "Asia/Tokyo"},
		"every 7d":                             {Every: 7 * 24 * time.Hour, TZ: "Asia/Tokyo"},
		"at 2026-12-24T18:00:00 Europe/Berlin": {At: "2026-12-24T18:00:00", TZ: "Europe/Berlin"},
		"at 2026-12-24T18:00:00+09:00":         {At: "2026-12-24T18:00:00+09:00", TZ: "Europe/Berlin"},
	} {
		assert.Equal(t, want, (&planned{Entry: e}).when())
	}
}

func TestCatchUp(t *testing.T) {
	for want, catchUpAs := range map[string]scheduler.CatchUp{
		"last":                      {Policy: scheduler.CatchUpLast},
		"all, max 500, spacing 10s": {Policy: scheduler.CatchUpAll, Max: 500, Spacing: 10 * time.Second},
		"all, max 100, spacing 0s":  {Policy: scheduler.CatchUpAll, Max: 100, Spacing: scheduler.NoCatchUpSpacing},
	} {
		assert.Equal(t, want, catchUp(catchUpAs))
	}
}

// Without a broker there is nothing to tell of.
func TestScheduleNoBroker(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	env := environment{variables: map[string]string{"WARREN_URL": "amqp://u:sesame@127.0.0.1:1"}}
	for _, args := range [][]string{{"ls"}, {"ls", "tidy", "--json"}, {"history"}} {
		o := env.run(ctx, append([]string{"-c", file(t, timetables), "schedule"}, args...)...)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "warren: not connected: ")
		assert.NotContains(t, o.stderr, "sesame")
		assert.Empty(t, o.stdout)
	}
}
