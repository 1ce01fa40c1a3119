package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/scheduler"
)

// What comes is merged in order, each in the time of its zone.
func TestScheduleNext(t *testing.T) {
	local := func(at time.Time) string { return at.Local().Format(time.RFC3339) }
	for name, test := range map[string]struct {
		flags     nextFlags
		entries   []string
		out, note string
	}{
		"until": {nextFlags{until: "8h", limit: defaultNext}, nil, `
AT                         IN  ENTRY         KEY           STARTS
2026-11-22T19:30:00Z       1h  tidy          tidy.up
2026-11-22T21:00:00Z       3h  tidy          tidy.up
2026-11-22T22:30:00Z       4h  tidy          tidy.up
2026-11-23T09:00:00+09:00  6h  daily-report  report.daily  2026-11-23T09:04:44+09:00
2026-11-23T00:00:00Z       6h  tidy          tidy.up
2026-11-23T01:30:00Z       7h  tidy          tidy.up
`, ""},
		"the end counts": {nextFlags{until: "2026-11-22T20:30:00+01:00"}, []string{"tidy"}, `
AT                    IN  ENTRY  KEY      STARTS
2026-11-22T19:30:00Z  1h  tidy   tidy.up
`, ""},
		"a limit alone": {nextFlags{limit: 2, limited: true}, []string{"report-1", "christmas"}, `
AT                          IN  ENTRY         KEY           STARTS
2026-11-23T09:00:00+09:00   6h  daily-report  report.daily  2026-11-23T09:04:44+09:00
2026-11-24T09:00:00+09:00  30h  daily-report  report.daily  2026-11-24T09:03:36+09:00
`, ""},
		"a limit of what fires less often": {nextFlags{limit: 2, limited: true}, []string{"christmas", "past", "christmas"}, `
AT                          IN  ENTRY      KEY              STARTS
2026-12-24T18:00:00+01:00  31d  christmas  greet.christmas
`, ""},
		"more": {nextFlags{limit: 1}, []string{"tidy"}, `
AT                    IN  ENTRY  KEY      STARTS
2026-11-22T19:30:00Z  1h  tidy   tidy.up
`, "warren: 15 more until " + local(sunday.Add(24*time.Hour)) + ": see --limit\n"},
		"many more": {nextFlags{limit: 1, until: "1000d"}, []string{"tidy"}, `
AT                    IN  ENTRY  KEY      STARTS
2026-11-22T19:30:00Z  1h  tidy   tidy.up
`, "warren: 10000 runs and more are left out: see --limit\n"},
		"later": {nextFlags{}, []string{"past", "christmas"}, "\n",
			"warren: nothing fires until " + local(sunday.Add(24*time.Hour)) + "; next is christmas at 2026-12-24T18:00:00+01:00\n"},
		"never": {nextFlags{until: "9999-12-31"}, []string{"past"}, "\n", "warren: nothing fires any more\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c, out, errs := atSunday(t, timetables)
			require.NoError(t, c.showNext(t.Context(), &test.flags, test.entries))
			assert.Equal(t, strings.TrimPrefix(test.out, "\n"), out.String())
			assert.Equal(t, test.note, errs.String())
		})
	}
}

func TestScheduleNextJSON(t *testing.T) {
	c, out, _ := atSunday(t, timetables)
	require.NoError(t, c.showNext(t.Context(), &nextFlags{asJSON: true}, []string{"daily-report"}))
	fire := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	assert.JSONEq(t, fmt.Sprintf(`{"entry":"report-1","name":"daily-report","scheduled_for":"2026-11-23T09:00:00+09:00",
		"not_before":"2026-11-23T09:04:44.32+09:00","id":%q,"key":"report.daily"}`, scheduler.TaskID("report-1", fire)), out.String())
}

// A listing that never ends ends with its context.
func TestScheduleNextIsInterrupted(t *testing.T) {
	c, _, _ := atSunday(t, timetables)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.showNext(ctx, &nextFlags{until: "9999-12-31"}, nil), ctx.Err())
}
