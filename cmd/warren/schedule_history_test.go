package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/ledger"
)

// historyOf prints what flags choose of a ledger, and returns both outputs.
func historyOf(t *testing.T, k *kept, f scheduleHistoryFlags, entry string) (out, errs string) {
	t.Helper()
	c, stdout, stderr := atSunday(t, timetables)
	filter, err := f.filter(sunday)
	require.NoError(t, err)
	filter.Entry = entry
	require.NoError(t, c.readLedger(t.Context(), k, routing.Names{}.Schedule(), filter, &f))
	return stdout.String(), stderr.String()
}

func TestScheduleHistory(t *testing.T) {
	k := weekend(t)
	local := func(at time.Time) string { return at.Local().Format("2006-01-02 15:04:05.000") }
	friday := time.Date(2026, 11, 20, 0, 0, 0, 12e6, time.UTC)
	skipped := local(sunday.Add(-5*time.Hour)) + `  skipped  tidy    2026-11-22T09:00:00Z          -  -        1  vm:7:ab01  3 ticks or more, to 2026-11-22T12:00:00Z: catch_up none
`
	title := `AT                       KIND     ENTRY   SCHEDULED FOR              LATE  ID    TERM  SCHEDULER  DETAIL
`
	out, errs := historyOf(t, k, scheduleHistoryFlags{since: "7d"}, "")
	assert.Equal(t, title+local(friday)+`  tick     report  2026-11-20T09:00:00+09:00  12ms  id-1     1  vm:7:ab01
`+skipped, out)
	assert.Empty(t, errs)

	out, _ = historyOf(t, k, scheduleHistoryFlags{}, "")
	assert.Equal(t, 2, strings.Count(out, "\n"), "of a day")
	out, _ = historyOf(t, k, scheduleHistoryFlags{limit: 1}, "")
	assert.Contains(t, out, "skipped")
	assert.NotContains(t, out, "tick  ", "only the newest")
	_, errs = historyOf(t, k, scheduleHistoryFlags{limit: 1}, "christmas")
	assert.Equal(t, "warren: the ledger has none of these\n", errs)

	k.append(routing.Names{}.Schedule(), []byte("?"))
	out, errs = historyOf(t, k, scheduleHistoryFlags{limit: 2, asJSON: true, kinds: []string{"tick", "absent"}}, "")
	//nolint:testifylint // a line an object, not one document
	assert.Equal(t, `{"offset":8,"kind":"absent","entry":"past","name":"past","timetable":"at 2025-12-24t18:00:00 Europe/Berlin","since":"2026-10-22T18:00:00Z","absent_since":"2026-11-20T00:00:00Z","at":"2026-11-20T00:00:00Z","term":1}
{"offset":9,"kind":"absent","entry":"old","name":"old","timetable":"every 1h0m0s","since":"2026-10-22T18:00:00Z","absent_since":"2026-11-20T00:00:00Z","at":"2026-11-20T00:00:00Z","term":1}
`, out)
	assert.Equal(t, "warren: records of warren.schedule that cannot be read: 1\n", errs)

	out, errs = historyOf(t, new(kept), scheduleHistoryFlags{}, "")
	assert.Empty(t, out)
	assert.Equal(t, "warren: no scheduler has run yet: there is no stream warren.schedule\n", errs)
}

// What was read is shown, whatever keeps the rest from being read.
func TestScheduleHistoryBreaksOff(t *testing.T) {
	k := weekend(t)
	k.err = broker.ErrEndUnknown
	for _, limit := range []int{0, 1} {
		c, out, _ := atSunday(t, timetables)
		err := c.readLedger(t.Context(), k, routing.Names{}.Schedule(), ledger.Filter{}, &scheduleHistoryFlags{limit: limit})
		require.ErrorIs(t, err, broker.ErrEndUnknown)
		assert.Contains(t, out.String(), "catch_up none")
	}
}

func TestLedgerDetail(t *testing.T) {
	for want, r := range map[string]ledger.Record{
		"":                                      {Kind: ledger.KindTick},
		"caught up":                             {Kind: ledger.KindTick, CaughtUp: true},
		"every 1h0m0s":                          {Kind: ledger.KindKnown, Timetable: "every 1h0m0s"},
		"invalid":                               {Kind: ledger.KindSkipped, Ticks: 1, Reason: ledger.ReasonInvalid},
		"2 ticks, to 2026-11-22T18:00:00Z: cap": {Kind: ledger.KindSkipped, Ticks: 2, To: sunday, Reason: ledger.ReasonCap},
	} {
		assert.Equal(t, want, ledgerDetail(&r))
	}
}
