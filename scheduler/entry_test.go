package scheduler

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

func daily() Entry {
	return Entry{Name: "daily-report", Cron: "0 9 * * *", TZ: "Asia/Tokyo", Key: "report.daily"}
}

func TestEntryValidateAccepts(t *testing.T) {
	for _, cron := range []string{
		"* * * * *", "*/5 * * * *", "0 9 * * MON-FRI", "0 0 29 2 *", "0 9 1,15 * ?", " 0 9 * * * ",
		"30 0 9 * * *", "* * * * * *",
		"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly",
	} {
		e := daily()
		e.Cron = cron
		assert.NoError(t, e.Validate(), cron)
	}
	e := daily()
	e.TZ, e.Priority, e.Name = "", tasks.MaxPriority, "a.B_c-9"
	assert.NoError(t, e.Validate())
}

func TestEntryValidateRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Entry)
		field  string
		says   string
	}{
		"no name":        {func(e *Entry) { e.Name = "" }, "name", "it is empty"},
		"long name":      {func(e *Entry) { e.Name = strings.Repeat("n", 181) }, "name", "181 bytes, at most 180"},
		"space in name":  {func(e *Entry) { e.Name = "daily report" }, "name", `' ' is not a letter`},
		"no cron":        {func(e *Entry) { e.Cron = "  " }, "cron", "it is empty"},
		"no time at all": {func(e *Entry) { e.Cron = "" }, "cron", "nothing says when: one of cron, every and at is needed"},
		"cron and every": {func(e *Entry) { e.Every = time.Hour }, "every", "one of cron, every and at says when, and here are cron and every"},
		"all of them": {
			func(e *Entry) { e.Every, e.At = time.Hour, "x" }, "at",
			"one of cron, every and at says when, and here are cron and every and at",
		},
		"every half second": {func(e *Entry) { e.Cron, e.Every = "", time.Second/2 }, "every", "500ms is not within 1s..8784h0m0s"},
		"every two years":   {func(e *Entry) { e.Cron, e.Every = "", 2*MaxEvery }, "every", "is not within"},
		"every backwards":   {func(e *Entry) { e.Cron, e.Every = "", -time.Hour }, "every", "is not within"},
		"every 1.5 seconds": {func(e *Entry) { e.Cron, e.Every = "", 1500*time.Millisecond }, "every", "1.5s is not whole seconds"},
		"at no time":        {func(e *Entry) { e.Cron, e.At = "", "tomorrow" }, "at", `"tomorrow" is not a time, such as 2026-12-24T18:00:00+01:00`},
		"at no such day":    {func(e *Entry) { e.Cron, e.At = "", "2026-02-30T18:00:00" }, "at", "is not a time"},
		"at a fraction":     {func(e *Entry) { e.Cron, e.At = "", "2026-12-24T18:00:00.5" }, "at", "is not whole seconds"},
		"at a fraction, offset": {
			func(e *Entry) { e.Cron, e.At = "", "2026-12-24T18:00:00.5Z" }, "at", "is not whole seconds",
		},
		"at long ago":    {func(e *Entry) { e.Cron, e.At = "", "1969-12-31T23:59:59Z" }, "at", "it is before 1970"},
		"space in id":    {func(e *Entry) { e.ID = "daily report" }, "id", `' ' is not a letter`},
		"long id":        {func(e *Entry) { e.ID = strings.Repeat("n", 181) }, "id", "181 bytes, at most 180"},
		"jitter back":    {func(e *Entry) { e.Jitter = -1 }, "jitter", "-1ns is not within 0s..24h0m0s"},
		"long jitter":    {func(e *Entry) { e.Jitter = MaxJitter + 1 }, "jitter", "is not within 0s..24h0m0s"},
		"unknown policy": {func(e *Entry) { e.CatchUp.Policy = "some" }, "catch_up.policy", `"some" is not none, last or all`},
		"max of the default": {
			func(e *Entry) { e.CatchUp.Max = 3 }, "catch_up.max", "it is for the policy all, and the policy is last",
		},
		"spacing of none": {
			func(e *Entry) { e.CatchUp = CatchUp{Policy: CatchUpNone, Spacing: 1} }, "catch_up.spacing",
			"it is for the policy all, and the policy is none",
		},
		"max 1001":     {func(e *Entry) { e.CatchUp = CatchUp{Policy: CatchUpAll, Max: 1001} }, "catch_up.max", "1001 is not within 1..1000"},
		"negative max": {func(e *Entry) { e.CatchUp = CatchUp{Policy: CatchUpAll, Max: -1} }, "catch_up.max", "-1 is not within 1..1000"},
		"spacing back": {func(e *Entry) { e.CatchUp = CatchUp{Policy: CatchUpAll, Spacing: -2} }, "catch_up.spacing", "is not within 0s..1h0m0s"},
		"long spacing": {
			func(e *Entry) { e.CatchUp = CatchUp{Policy: CatchUpAll, Spacing: MaxCatchUpSpacing + 1} }, "catch_up.spacing",
			"is not within 0s..1h0m0s",
		},
		"four fields":        {func(e *Entry) { e.Cron = "0 9 * *" }, "cron", "expected 5 to 6 fields, found 4"},
		"seven fields":       {func(e *Entry) { e.Cron = "0 0 9 * * * 2026" }, "cron", "found 7"},
		"hour 24":            {func(e *Entry) { e.Cron = "0 24 * * *" }, "cron", "end of range (24) above maximum (23)"},
		"empty field":        {func(e *Entry) { e.Cron = ", 9 * * *" }, "cron", "the minute is empty"},
		"no such day":        {func(e *Entry) { e.Cron = "0 9 30 2 *" }, "cron", "never fires"},
		"every":              {func(e *Entry) { e.Cron = "@every 5m" }, "cron", `"@every 5m" is not a time of the clock: instead of cron use every, such as every: 5m`},
		"unknown descriptor": {func(e *Entry) { e.Cron = "@reboot" }, "cron", "unrecognized descriptor"},
		"zone in cron":       {func(e *Entry) { e.Cron = "TZ=Asia/Tokyo 0 9 * * *" }, "cron", "that is what tz is for"},
		"zone alone":         {func(e *Entry) { e.Cron = "CRON_TZ=Asia/Tokyo" }, "cron", "that is what tz is for"},
		"unknown zone":       {func(e *Entry) { e.TZ = "Mars/Olympus" }, "tz", "unknown time zone Mars/Olympus"},
		"local zone":         {func(e *Entry) { e.TZ = "Local" }, "tz", "another zone on each machine"},
		"bad key":            {func(e *Entry) { e.Key = "report.*" }, "key", "invalid routing key"},
		"long content type":  {func(e *Entry) { e.ContentType = strings.Repeat("t", 256) }, "content_type", "256 bytes, at most 255"},
		"priority 10":        {func(e *Entry) { e.Priority = 10 }, "priority", "10 is not within 1..9"},
		"negative priority":  {func(e *Entry) { e.Priority = -1 }, "priority", "-1 is not within 1..9"},
	} {
		t.Run(name, func(t *testing.T) {
			e := daily()
			test.change(&e)
			err := e.Validate()
			require.ErrorIs(t, err, ErrInvalidEntry)
			var wrong *EntryError
			require.ErrorAs(t, err, &wrong)
			assert.Equal(t, e.Name, wrong.Entry)
			assert.Equal(t, test.field, wrong.Field)
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func TestEntryValidateReportsTogether(t *testing.T) {
	err := Entry{Name: "nightly", Cron: "x", Key: ""}.Validate()
	require.ErrorIs(t, err, routing.ErrInvalidKey)
	assert.ErrorContains(t, err, `invalid schedule entry "nightly": cron: `)
	assert.ErrorContains(t, err, `invalid schedule entry "nightly": key: `)
}

func TestEntryWithDefaults(t *testing.T) {
	e := Entry{Name: "n", Cron: "@daily", Key: "k"}.WithDefaults()
	assert.Equal(t, Entry{
		Name: "n", Cron: "@daily", Key: "k", TZ: "UTC", CatchUp: CatchUp{Policy: CatchUpLast},
		Payload: []byte("{}"), ContentType: "application/json",
	}, e)

	full := Entry{
		"n", "id", "@daily", time.Minute, "2026-12-24T18:00:00", "Asia/Tokyo", time.Hour, CatchUp{CatchUpAll, 7, time.Minute},
		"k", []byte("p"), nil, "text/plain", 3,
	}
	assert.Equal(t, full, full.WithDefaults())

	empty := Entry{ContentType: "text/plain"}.WithDefaults()
	assert.Empty(t, empty.Payload, "an empty text is a text")
}

func TestEntryIdentity(t *testing.T) {
	assert.Equal(t, "daily-report", daily().Identity())
	e := daily()
	e.ID = "report-1"
	assert.Equal(t, "report-1", e.Identity())
}

func TestValidateIdentities(t *testing.T) {
	assert.NoError(t, ValidateIdentities([]Entry{{Name: "a"}, {Name: "b"}, {Name: "c", ID: "d"}}))

	err := ValidateIdentities([]Entry{{Name: "a"}, {Name: "b", ID: "a"}, {Name: "c", ID: "x"}, {Name: "x"}})
	require.ErrorIs(t, err, ErrInvalidEntry)
	assert.EqualError(t, err, `invalid schedule entry "b": id: the entry "a" has the identity "a" already`+"\n"+
		`invalid schedule entry "x": name: the entry "c" has the identity "x" already`)
}
