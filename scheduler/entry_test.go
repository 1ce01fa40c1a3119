package scheduler

import (
	"strings"
	"testing"

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
		"no name":            {func(e *Entry) { e.Name = "" }, "name", "it is empty"},
		"long name":          {func(e *Entry) { e.Name = strings.Repeat("n", 181) }, "name", "181 bytes, at most 180"},
		"space in name":      {func(e *Entry) { e.Name = "daily report" }, "name", `' ' is not a letter`},
		"no cron":            {func(e *Entry) { e.Cron = "  " }, "cron", "it is empty"},
		"four fields":        {func(e *Entry) { e.Cron = "0 9 * *" }, "cron", "expected 5 to 6 fields, found 4"},
		"seven fields":       {func(e *Entry) { e.Cron = "0 0 9 * * * 2026" }, "cron", "found 7"},
		"hour 24":            {func(e *Entry) { e.Cron = "0 24 * * *" }, "cron", "end of range (24) above maximum (23)"},
		"empty field":        {func(e *Entry) { e.Cron = ", 9 * * *" }, "cron", "the minute is empty"},
		"no such day":        {func(e *Entry) { e.Cron = "0 9 30 2 *" }, "cron", "never fires"},
		"every":              {func(e *Entry) { e.Cron = "@every 5m" }, "cron", `"@every 5m" is not a time of the clock`},
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
		Name: "n", Cron: "@daily", Key: "k", TZ: "UTC", Payload: []byte("{}"), ContentType: "application/json",
	}, e)

	full := Entry{"n", "@daily", "Asia/Tokyo", "k", []byte("p"), "text/plain", 3}
	assert.Equal(t, full, full.WithDefaults())

	empty := Entry{ContentType: "text/plain"}.WithDefaults()
	assert.Empty(t, empty.Payload, "an empty text is a text")
}
