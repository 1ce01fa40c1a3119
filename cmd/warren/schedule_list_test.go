package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/ledger"
	"github.com/warrenmq/warren/streams"
)

// kept is streams by their names; err, where it is set, is how each reading ends.
type kept struct {
	streams map[string][]streams.Record
	err     error
}

// WatchStream does not come to an end, and so not to that of a reading.
func (k *kept) WatchStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error {
	if err := k.ReadStream(ctx, stream, from, each); !errors.Is(err, broker.ErrEndUnknown) {
		return err
	}
	return nil
}

func (k *kept) ReadStream(_ context.Context, stream string, _ streams.Offset, each func(streams.Record) error) error {
	if k.streams[stream] == nil {
		return fmt.Errorf("read %s: %w", stream, broker.ErrNoQueue)
	}
	for _, r := range k.streams[stream] {
		if err := each(r); err != nil {
			return err
		}
	}
	return k.err
}

func (k *kept) append(stream string, bodies ...[]byte) {
	if k.streams == nil {
		k.streams = map[string][]streams.Record{}
	}
	for _, body := range bodies {
		k.streams[stream] = append(k.streams[stream], streams.Record{Offset: uint64(len(k.streams[stream])), Body: body})
	}
}

// told appends to the ledger.
func (k *kept) told(t *testing.T, records ...ledger.Record) {
	t.Helper()
	for i := range records {
		body, err := records[i].Encode()
		require.NoError(t, err)
		k.append(routing.Names{}.Schedule(), body)
	}
}

// leads appends to the lease; records that follow one another.
func (k *kept) leads(kinds ...string) {
	for i, kind := range kinds {
		at := sunday.Add(time.Duration(i-len(kinds)) * time.Second / 4).Format(time.RFC3339Nano)
		k.append(routing.Names{}.Lease(), fmt.Appendf(nil, `{"kind":%q,"term":1,"holder":"vm:7:ab01","seen":%d,"seq":%d,"at":%q}`, kind, i-1, i+1, at))
	}
}

// weekend is a ledger as it may be on that Sunday: the report came on Friday, tidy was missed since noon, the
// times of christmas have been changed, past is gone from the schedule, and two others are not in the file.
func weekend(t *testing.T) *kept {
	t.Helper()
	k := new(kept)
	since := sunday.AddDate(0, -1, 0)
	friday := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	known := func(entry, name, timetable string) ledger.Record {
		return ledger.Record{Kind: ledger.KindKnown, Entry: entry, Name: name, Timetable: timetable, Since: since, At: since, Term: 1}
	}
	absent := func(entry string, r ledger.Record) ledger.Record {
		r.Kind, r.AbsentSince, r.At = ledger.KindAbsent, friday, friday
		return r
	}
	past := known("past", "past", "at 2025-12-24t18:00:00 Europe/Berlin")
	old := known("old", "old", "every 1h0m0s")
	k.told(t,
		known("report-1", "report", "cron 0 9 * * mon-fri Asia/Tokyo"), known("tidy", "tidy", "every 1h30m0s"),
		known("christmas", "christmas", "at 2026-12-24T20:00:00 Europe/Berlin"), past, old, known("their-1", "", "every 1h0m0s"),
		ledger.Record{Kind: ledger.KindTick, Entry: "report-1", Name: "report", ScheduledFor: friday.In(time.FixedZone("", 9*60*60)), ID: "id-1", Key: "report.daily",
			LateMS: 12, At: friday.Add(12 * time.Millisecond), Term: 1, Scheduler: "vm:7:ab01"},
		ledger.Record{Kind: ledger.KindSkipped, Entry: "tidy", Name: "tidy", From: sunday.Add(-9 * time.Hour), To: sunday.Add(-6 * time.Hour), Ticks: 3,
			AtLeast: true, Reason: ledger.ReasonNone, At: sunday.Add(-5 * time.Hour), Term: 1, Scheduler: "vm:7:ab01"},
		absent("past", past), absent("old", old),
	)
	k.leads("claim", "renewal", "renewal")
	return k
}

func TestScheduleList(t *testing.T) {
	c, out, errs := atSunday(t, timetables)
	_, entries, err := c.loadSchedule(nil)
	require.NoError(t, err)
	told, err := c.ask(t.Context(), weekend(t), routing.Names{})
	require.NoError(t, err)
	require.NoError(t, c.listEntries("warren.yaml", entries, told))
	since := told.leader.Since.Local().Format(time.DateTime)
	assert.Equal(t, ``+
		`NAME          WHEN                                  KEY              NEXT                       LAST                       LATE  MISSED  CATCH UP
daily-report  cron 0 9 * * MON-FRI Asia/Tokyo       report.daily     2026-11-23T09:00:00+09:00  2026-11-20T09:00:00+09:00  12ms       0  all, max 500, spacing 10s
tidy          every 1h30m                           tidy.up          2026-11-22T19:30:00Z       -                             -       3  none
christmas     at 2026-12-24T18:00:00 Europe/Berlin  greet.christmas  2026-12-24T18:00:00+01:00  -                             -       -  last
past          at 2025-12-24T18:00:00 Europe/Berlin  greet.christmas  none                       -                             -       -  last
term 1 is led by vm:7:ab01 since `+since+`, renewed 250ms ago
`, out.String())
	assert.Equal(t, `warren: no leader has had these as they are in warren.yaml, so their ticks do not count yet: christmas, past
warren: the schedulers have entries that warren.yaml has not: their-1
warren: no schedule has these any more, and they are remembered for 30 days: old
`, errs.String())
}

// Each line has the same fields, so that a script need not ask which there are.
func TestScheduleListJSON(t *testing.T) {
	c, out, _ := atSunday(t, timetables)
	_, entries, err := c.loadSchedule(nil)
	require.NoError(t, err)
	told, err := c.ask(t.Context(), weekend(t), routing.Names{})
	require.NoError(t, err)
	require.NoError(t, c.listEntriesJSON(entries, told))
	var lines []string
	for decoder := json.NewDecoder(out); decoder.More(); {
		var line map[string]json.RawMessage
		require.NoError(t, decoder.Decode(&line))
		assert.JSONEq(t, `{"leads":true,"term":1,"holder":"vm:7:ab01","since":"2026-11-22T17:59:59.25Z","renewed":"2026-11-22T17:59:59.75Z","resigned":false}`,
			string(line["leader"]))
		delete(line, "leader")
		text, err := json.Marshal(line)
		require.NoError(t, err)
		lines = append(lines, string(text))
	}
	require.Len(t, lines, 4)
	assert.JSONEq(t, `{"entry":"report-1","name":"daily-report","cron":"0 9 * * MON-FRI","tz":"Asia/Tokyo","key":"report.daily","jitter_ms":300000,
		"catch_up":{"policy":"all","max":500,"spacing_ms":10000},
		"next":["2026-11-23T09:00:00+09:00","2026-11-24T09:00:00+09:00","2026-11-25T09:00:00+09:00","2026-11-26T09:00:00+09:00","2026-11-27T09:00:00+09:00"],
		"since":"2026-10-23T03:00:00+09:00","absent_since":null,"settled_to":"2026-11-20T09:00:00+09:00","missed":0,"missed_from":null,
		"last":{"scheduled_for":"2026-11-20T09:00:00+09:00","id":"id-1","at":"2026-11-20T09:00:00.012+09:00","late_ms":12}}`, lines[0])
	assert.JSONEq(t, `{"entry":"tidy","name":"tidy","every_ms":5400000,"tz":"UTC","key":"tidy.up","jitter_ms":0,"catch_up":{"policy":"none"},
		"next":["2026-11-22T19:30:00Z","2026-11-22T21:00:00Z","2026-11-22T22:30:00Z","2026-11-23T00:00:00Z","2026-11-23T01:30:00Z"],
		"since":"2026-10-22T18:00:00Z","absent_since":null,"settled_to":"2026-11-22T12:00:00Z","missed":3,"missed_from":"2026-11-22T13:30:00Z","last":null}`, lines[1])
	assert.JSONEq(t, `{"entry":"past","name":"past","at":"2025-12-24T18:00:00","tz":"Europe/Berlin","key":"greet.christmas","jitter_ms":0,
		"catch_up":{"policy":"last"},"next":[],"since":null,"absent_since":"2026-11-20T01:00:00+01:00","settled_to":null,"missed":null,
		"missed_from":null,"last":null}`, lines[3])
}

func TestScheduleShow(t *testing.T) {
	c, out, _ := atSunday(t, timetables)
	_, entries, err := c.loadSchedule([]string{"report-1", "tidy", "christmas", "past"})
	require.NoError(t, err)
	k := weekend(t)
	k.leads("resignation")
	told, err := c.ask(t.Context(), k, routing.Names{})
	require.NoError(t, err)
	require.NoError(t, c.showEntry(&entries[0], told))
	assert.Equal(t, `name      daily-report
id        report-1
when      cron 0 9 * * MON-FRI Asia/Tokyo
key       report.daily
jitter    5m
catch up  all, max 500, spacing 10s
counts    since 2026-10-23T03:00:00+09:00, 31d ago
settled   up to 2026-11-20T09:00:00+09:00, 2d ago
missed    0
last      2026-11-20T09:00:00+09:00, 2d ago, 12ms late
          id-1
next      2026-11-23T09:00:00+09:00, in 6h, starts at 2026-11-23T09:04:44+09:00
          2026-11-24T09:00:00+09:00, in 30h, starts at 2026-11-24T09:03:36+09:00
          2026-11-25T09:00:00+09:00, in 2d, starts at 2026-11-25T09:03:50+09:00
          2026-11-26T09:00:00+09:00, in 3d, starts at 2026-11-26T09:03:47+09:00
          2026-11-27T09:00:00+09:00, in 4d, starts at 2026-11-27T09:03:28+09:00
leader    nobody leads: term 1 was left by vm:7:ab01 0s ago
`, out.String())
	for i, want := range map[int]string{
		1: "missed    3, from 2026-11-22T13:30:00Z, 4h ago\n",
		2: "counts    not yet: no leader has had it with these times\nmissed    -\nlast      -\nnext      2026-12-24T18:00:00+01:00, in 31d\n",
		3: "absent    from the leader's configuration since 2026-11-20T01:00:00+01:00, 2d ago\nmissed    -\nlast      -\nnext      none\n",
	} {
		out.Reset()
		require.NoError(t, c.showEntry(&entries[i], told))
		assert.Contains(t, out.String(), want)
	}
}

// Before the first scheduler has run there is no stream, which is nothing wrong.
func TestScheduleListBeforeAnyScheduler(t *testing.T) {
	c, out, errs := atSunday(t, "schedules: {tidy: {every: 90m, key: tidy.up}}")
	_, entries, err := c.loadSchedule(nil)
	require.NoError(t, err)
	told, err := c.ask(t.Context(), new(kept), routing.Names{})
	require.NoError(t, err)
	require.NoError(t, c.listEntries("warren.yaml", entries, told))
	assert.Equal(t, `NAME  WHEN         KEY      NEXT                  LAST  LATE  MISSED  CATCH UP
tidy  every 1h30m  tidy.up  2026-11-22T19:30:00Z  -        -       -  last
nobody leads: no scheduler has run yet
`, out.String())
	assert.Empty(t, errs.String())
	assert.Nil(t, told.leaderStatus())
}

// A user who may only read is shown what there is, with a word of warning.
func TestScheduleListWithoutItsEnd(t *testing.T) {
	c, _, errs := atSunday(t, timetables)
	k := weekend(t)
	k.err = fmt.Errorf("read: %w", broker.ErrEndUnknown)
	told, err := c.ask(t.Context(), k, routing.Names{})
	require.NoError(t, err)
	assert.True(t, told.leaderStatus().Leads)
	_, known := told.ledger.Entry("report-1")
	assert.True(t, known)
	assert.Equal(t, `warren: what was emitted is not known for certain: read: the end of the stream is not known
`, errs.String())

	k.err = broker.ErrRefused
	_, err = c.ask(t.Context(), k, routing.Names{})
	require.ErrorIs(t, err, broker.ErrRefused)
}

func TestLeads(t *testing.T) {
	k := new(kept)
	k.append(routing.Names{}.Lease(), []byte("{}"))
	c, _, _ := atSunday(t, timetables)
	told, err := c.ask(t.Context(), k, routing.Names{})
	require.NoError(t, err)
	assert.Equal(t, "nobody is known to lead", told.leads())

	k = weekend(t)
	delete(k.streams, routing.Names{}.Lease())
	told, err = c.ask(t.Context(), k, routing.Names{})
	require.NoError(t, err)
	assert.Equal(t, "nobody is known to lead", told.leads(), "the stream was deleted")

	told, err = c.ask(t.Context(), weekend(t), routing.Names{})
	require.NoError(t, err)
	told.leader.Since = time.Time{} // the stream keeps some thousands of records
	assert.Equal(t, "term 1 is led by vm:7:ab01, renewed 250ms ago", told.leads())
	told.at = sunday.Add(time.Minute)
	assert.Equal(t, "nobody leads: term 1 of vm:7:ab01 was last renewed 1m ago", told.leads())
	assert.False(t, told.leaderStatus().Leads)
}
