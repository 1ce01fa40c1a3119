package scheduler

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func mustTemplate(t require.TestingT, payload string) *Template {
	template, err := ParseTemplate([]byte(payload))
	require.NoError(t, err)
	return template
}

// templated is an entry whose template is one text.
func templated(t require.TestingT, text string) Entry {
	quoted, err := json.Marshal(text)
	require.NoError(t, err)
	e := daily()
	e.Template = mustTemplate(t, string(quoted))
	return e
}

// rendered is what one text becomes, at 9:00 in Tokyo on Sunday, 22 November 2026.
func rendered(t *testing.T, text string) string {
	t.Helper()
	e := templated(t, text)
	require.NoError(t, e.Validate(), text)
	task, err := e.taskAt(t, mustTime(t, "2026-11-22T00:00:00Z"))
	require.NoError(t, err)
	var out string
	require.NoError(t, json.Unmarshal(task.Payload, &out))
	return out
}

func TestTemplateRenders(t *testing.T) {
	for text, want := range map[string]string{
		"{{ .ScheduledFor }}":                                                                           "2026-11-22T09:00:00+09:00",
		"{{ .Previous }}/{{.ScheduledFor}}":                                                             "2026-11-21T09:00:00+09:00/2026-11-22T09:00:00+09:00",
		`{{ .ScheduledFor.Format "2006-01-02" }}`:                                                       "2026-11-22",
		`{{ .ScheduledFor.Format "Mon 2 Jan, 15:04 MST" }}`:                                             "Sun 22 Nov, 09:00 JST",
		`{{ .ScheduledFor.UTC }}`:                                                                       "2026-11-22T00:00:00Z",
		`{{ (.ScheduledFor.AddDate 0 0 -1).Format "20060102" }}`:                                        "20261121",
		`{{ .ScheduledFor.Add "-90m" }}`:                                                                "2026-11-22T07:30:00+09:00",
		`{{ .ScheduledFor.Unix }} {{ .ScheduledFor.UnixMilli }}`:                                        "1795305600 1795305600000",
		`{{ .ScheduledFor.Year }} {{ .ScheduledFor.Month }}`:                                            "2026 November",
		`{{ .ScheduledFor.Day }} {{ .ScheduledFor.Weekday }}`:                                           "22 Sunday",
		`{{ printf "%02d:%02d:%02d" .ScheduledFor.Hour .ScheduledFor.Minute .ScheduledFor.Second }}`:    "09:00:00",
		`{{ printf "%02d" .ScheduledFor.Month }}`:                                                       "11",
		`{{ printf "%s %v %q" .ScheduledFor .ScheduledFor .Entry }}`:                                    `2026-11-22T09:00:00+09:00 2026-11-22T09:00:00+09:00 "daily-report"`,
		"{{ .Entry }} {{ .ID }}":                                                                        "daily-report " + TaskID("daily-report", time.Unix(1795305600, 0)),
		"{{ if eq .ScheduledFor.Weekday 0 }}full{{ else }}delta{{ end }}":                               "full",
		"{{ if eq .ScheduledFor.Day 1 }}a{{ else if gt .ScheduledFor.Day 20 }}b{{ end }}c":              "bc",
		"{{ if and (.Previous.Before .ScheduledFor) (not (.Previous.After .ScheduledFor)) }}x{{ end }}": "x",
		"{{ or (eq .Entry `a`) (.ScheduledFor.Equal .ScheduledFor.UTC) }}":                              "true",
		`{{"{{"}} and {{ "}}" }}`:                                                                       "{{ and }}",
		"{{- /* a comment */ -}} x ":                                                                    "x ",
		"{{ `\"},{\"<&>\n\\` }}":                                                                        "\"},{\"<&>\n\\",
	} {
		assert.Equal(t, want, rendered(t, text), text)
	}
}

func TestTemplateKeepsTheRest(t *testing.T) {
	e := daily()
	e.Template = mustTemplate(t, ` {"n": 123456789012345678901234567890, "f":1.10, "{{.Nope}}": "<\u00e9>",
		"a": [ "{{.Entry}}", {"b c": "x{{.Entry}}<"} , "" ], "e": 1E400, "z": null } `)
	require.NoError(t, e.Validate())
	task, err := e.taskAt(t, start)
	require.NoError(t, err)
	assert.Equal(t, ` {"n": 123456789012345678901234567890, "f":1.10, "{{.Nope}}": "<\u00e9>",
		"a": [ "daily-report", {"b c": "xdaily-report<"} , "" ], "e": 1E400, "z": null } `, string(task.Payload))
	assert.Equal(t, tasks.DefaultContentType, e.WithDefaults().ContentType)
	assert.Nil(t, e.WithDefaults().Payload)
	assert.Equal(t, string(e.Template.Source()), e.Template.String())
}

// What is rendered is of the entry's zone, whatever zone the fire time comes in, and under the
// entry's identity.
func TestTemplateOfATick(t *testing.T) {
	e := daily()
	e.ID, e.Template = "report-1", mustTemplate(t, `["{{.ScheduledFor}}", "{{.ID}}", "{{.Entry}}"]`)
	fire := mustTime(t, "2026-11-22T00:00:00Z")
	task, err := e.taskAt(t, fire)
	require.NoError(t, err)
	assert.JSONEq(t, fmt.Sprintf(`["2026-11-22T09:00:00+09:00", %q, "daily-report"]`, TaskID("report-1", fire)), string(task.Payload))
}

// The windows from .Previous to .ScheduledFor leave no gap and do not overlap, over both changes of the clock.
func TestTemplateWindowsAdjoin(t *testing.T) {
	e := Entry{Name: "n", Cron: "30 1,2,3 * * *", TZ: "Europe/Berlin", Key: "k", Template: mustTemplate(t, `["{{.Previous}}", "{{.ScheduledFor}}"]`)}
	table := timetable(t, e)
	autumn, _ := table.Due(mustTime(t, "2025-10-25T00:00:00Z"), mustTime(t, "2025-10-28T00:00:00Z"), 100)
	spring, _ := table.Due(mustTime(t, "2026-03-28T00:00:00Z"), mustTime(t, "2026-03-31T00:00:00Z"), 100)
	windowsAdjoin(t, e, autumn)
	windowsAdjoin(t, e, spring)
}

func windowsAdjoin(t *testing.T, e Entry, due []time.Time) {
	t.Helper()
	require.NotEmpty(t, due)
	var before [2]string
	for _, fire := range due {
		task, err := e.taskAt(t, fire)
		require.NoError(t, err)
		var window [2]string
		require.NoError(t, json.Unmarshal(task.Payload, &window))
		if before[1] != "" {
			assert.Equal(t, before[1], window[0])
		}
		assert.Less(t, window[0], window[1])
		before = window
	}
}

func TestParseTemplateRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"{{":                               `unclosed action (braces that are meant as they are: {{"{{"}})`,
		"{{ .Nope }}":                      ".Nope is not known; known are .Entry, .ID, .Previous, .ScheduledFor",
		"{{ if .ID }}{{ .Nope }}{{ end }}": ".Nope is not known",
		"{{ if .ID }}{{ else }}{{ .Nope }}{{ end }}": ".Nope is not known",
		"{{ if .Nope }}{{ end }}":                    ".Nope is not known",
		"{{ (printf .Nope).X }}":                     ".Nope is not known",
		"{{ . }}":                                    ". is not to be had in a payload",
		"{{ nil }}":                                  "nil is not to be had",
		"{{ printf `%v` nil }}":                      "nil is not to be had",
		"{{ $ }}":                                    "variables are not to be had",
		"{{ $.ID }}":                                 "variables are not to be had",
		"{{ $x := .ID }}{{ $x }}":                    "variables are not to be had",
		"{{ if $x := .ID }}{{ end }}":                "variables are not to be had",
		"{{ range 9999999999 }}{{ end }}":            "range is not to be had in a payload (braces",
		"{{ range .ID }}{{ break }}{{ end }}":        "is not to be had",
		"{{ with .ID }}{{ end }}":                    "with is not to be had",
		"{{ define `a` }}{{ template `a` }}{{ end }}{{ template `a` }}": "define and block are not to be had",
		"{{ define `text` }}{{ template `text` }}{{ end }}":             "is not to be had",
		"{{ block `a` . }}{{ end }}":                                    "define and block are not to be had",
		"{{ template `text` }}":                                         "template is not to be had",
		"{{ now }}":                                                     `function "now" not defined`,
		"{{ html .ID }}":                                                `function "html" not defined`,
		"{{ call .ID }}":                                                `function "call" not defined`,
		"{{ env `HOME` }}":                                              `function "env" not defined`,
		"{{" + strings.Repeat(" ", 1<<16) + ".ID }}":                    "a template of 65544 bytes, at most 65536",
	} {
		quoted, err := json.Marshal(map[string]any{"a": []string{"", text}})
		require.NoError(t, err)
		_, err = ParseTemplate(quoted)
		require.ErrorIs(t, err, ErrInvalidTemplate, text)
		var wrong *TemplateError
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, ".a[1]", wrong.Path)
		assert.ErrorContains(t, wrong.Err, says, text)
		assert.NotContains(t, wrong.Err.Error(), "template: ", "what is said is our own")
	}
}

func TestParseTemplateRefusesDocuments(t *testing.T) {
	for text, says := range map[string]string{
		"":                                     "it is not one JSON document",
		"{{.ID}}":                              "it is not one JSON document",
		`"a" "b"`:                              "it is not one JSON document",
		`"` + strings.Repeat("x", 1<<20) + `"`: "1048578 bytes, at most 1048576",
	} {
		_, err := ParseTemplate([]byte(text))
		require.ErrorIs(t, err, ErrInvalidTemplate)
		assert.ErrorContains(t, err, "invalid payload template: payload: "+says)
	}
	_, err := ParseTemplate([]byte(`{"a": "{{", "b": {"c d": ["{{.X}}"]}}`))
	assert.ErrorContains(t, err, "payload.a: ")
	assert.ErrorContains(t, err, `payload.b."c d"[0]: `)
}

// What is wrong with a text shows when the entry is checked, in either branch of an if.
func TestEntryValidateTemplate(t *testing.T) {
	for text, says := range map[string]string{
		"{{ .ScheduledFor.Nope }}":                                                            "can't evaluate field Nope",
		"{{ if eq .ScheduledFor.Day 31 }}{{ .Entry.Nope }}{{ end }}":                          "can't evaluate field Nope",
		"{{ if .ID }}{{ else if .ID }}{{ if .ID }}{{ else }}{{ .ID.Nope }}{{ end }}{{ end }}": "can't evaluate field Nope",
		"{{ if eq .ID 1 }}{{ end }}":                                                          "incompatible types for comparison",
		"{{ or .ID (eq .ID 1) }}":                                                             "incompatible types for comparison",
		"{{ and false (printf 1) }}":                                                          "expected string",
		"{{ .ScheduledFor.Add `a day` }}":                                                     `"a day" is not a duration, such as 90m or -24h`,
		"{{ .ScheduledFor.AddDate 0 0 }}":                                                     "wrong number of args",
		"{{ .ScheduledFor.AddDate 10000000 0 0 }}":                                            "more than 1000000",
		"{{ .ScheduledFor.AddDate 10000 0 0 }}":                                               "the year is not within 1..9999",
		"{{ .ScheduledFor.Format `" + strings.Repeat("2", 201) + "` }}":                       "a layout of 201 bytes, at most 200",
		"{{ printf `%999999d` 1 }}":                                                           "a width or precision is below 100",
		"{{ printf `%*d` 99 1 }}":                                                             "a width or precision is below 100",
		"{{ printf `%d` .ScheduledFor }}":                                                     "does not fit what it is given: %!d(string=",
		"{{ printf `%d` }}":                                                                   "does not fit what it is given",
		"{{ printf `%s` `" + strings.Repeat("x", 1001) + "` }}":                               "a text of 1001 bytes, at most 1000",
		"{{ printf `" + strings.Repeat("x", 1001) + "` }}":                                    "a format of 1001 bytes, at most 1000",
		"{{ printf `%[1]s%[1]s` (printf `%[1]s%[1]s` `" + strings.Repeat("x", 400) + "`) }}":  "a text of 1600 bytes, at most 1000",
	} {
		err := templated(t, text).Validate()
		require.ErrorIs(t, err, ErrInvalidEntry, text)
		assert.ErrorContains(t, err, says, text)
		assert.ErrorContains(t, err, `invalid schedule entry "daily-report": payload: `)
	}

	e := daily()
	e.Template = mustTemplate(t, `{"days": ["{{.ID}}", "{{.ID.Nope}}"]}`)
	assert.ErrorContains(t, e.Validate(), `invalid schedule entry "daily-report": payload.days[1]: `)

	e = Entry{Name: "n", Key: "k", At: "2026-12-24T18:00:00", Template: mustTemplate(t, `"{{.Previous}}"`)}
	assert.ErrorContains(t, e.Validate(), "there is no fire time before this one")
	e = Entry{Name: "n", Key: "k", At: "1999-12-24T18:00:00", Template: mustTemplate(t, `"{{.ScheduledFor}}"`)}
	assert.NoError(t, e.Validate())

	e.Payload = []byte("{}")
	assert.ErrorContains(t, e.Validate(), "payload: Payload and Template exclude each other")
}

func TestTemplateIsBounded(t *testing.T) {
	e := daily()
	text := strings.Repeat("{{printf `"+strings.Repeat("%99[1]s", 10)+"` .ID}}", 300)
	e.Template = mustTemplate(t, `["`+strings.Repeat(text+`","`, 4)+`"]`)
	assert.ErrorContains(t, e.Validate(), "payload[3]: the rendered payload is more than 1048576 bytes")
	_, err := e.taskAt(t, start)
	require.ErrorIs(t, err, ErrInvalidTemplate)
	assert.ErrorContains(t, err, `task of "daily-report" for 2026-11-22T05:59:30Z: invalid payload template: payload[3]: `)
}
