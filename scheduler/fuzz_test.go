package scheduler

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever a template says: it is refused, or what it is rendered to is JSON within bounds, with
// the same keys and numbers.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		`{"a": "{{ .ScheduledFor }}", "n": 12345678901234567890, "b": ["{{ .Previous.Format \"2006\" }}"]}`,
		`"{{ if eq .ScheduledFor.Day 1 }}{{ .ID }}{{ else }}{{ printf \"%05d\" 7 }}{{ end }}"`,
		`["{{ range 1000000000 }}x{{ end }}", "{{\"{{\"}}"]`, `{"{{": {"a b": "{{ define \"text\" }}{{ template \"text\" }}{{ end }}"}}`,
		`"{{ .ScheduledFor.AddDate 1 2 3 | printf \"%99s\" }}"`, `"{{ and (or .ID 1) (not .Entry) }}"`, `"{{ (printf \"%v\" .ID).X }}"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		template, err := ParseTemplate([]byte(payload))
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidTemplate)
			return
		}
		e := daily()
		e.Template = template
		if err := e.Validate(); err != nil {
			require.ErrorIs(t, err, ErrInvalidEntry)
			return
		}
		task, err := e.taskAt(t, start)
		require.NoError(t, err, "what was checked is rendered")
		require.LessOrEqual(t, len(task.Payload), MaxTemplateBytes)
		require.Equal(t, shape(t, []byte(payload)), shape(t, task.Payload))
	})
}

// shape is a JSON document without its texts: what no template may change.
func shape(t *testing.T, document []byte) []string {
	decoder := json.NewDecoder(strings.NewReader(string(document)))
	decoder.UseNumber()
	require.True(t, json.Valid(document), string(document))
	var tokens []string
	for {
		token, err := decoder.Token()
		if err != nil {
			return tokens
		}
		switch token := token.(type) {
		case string:
			tokens = append(tokens, "a text")
		case json.Delim:
			tokens = append(tokens, token.String())
		case json.Number:
			tokens = append(tokens, token.String())
		case bool:
			tokens = append(tokens, map[bool]string{true: "true", false: "false"}[token])
		default:
			tokens = append(tokens, "null")
		}
	}
}

// Whatever an entry's time says: it is refused, or its ticks ascend, and going back finds the same.
func FuzzTimetable(f *testing.F) {
	for _, seed := range []string{"0 9 * * *", "*/7 1-3 * * SUN", "30 */5 2 29 2 ?", "@weekly", "0 0 31 * 1", "@every 5m", "TZ=UTC 0 0 * * *", ","} {
		f.Add(seed, "", "Europe/Berlin", int64(1774746000))
	}
	f.Add("", "2026-03-29T02:30:00", "America/Santiago", int64(0))
	f.Add("", "2026-12-24T18:00:00+01:00", "Pacific/Apia", int64(1325203200))
	f.Fuzz(func(t *testing.T, cron, at, zone string, second int64) {
		e := Entry{Name: "n", Key: "k", Cron: cron, At: at, TZ: zone}
		table, err := e.Timetable()
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidEntry)
			return
		}
		require.NoError(t, e.Validate())
		from := time.Unix(second%(1<<32), 0)
		before := from
		for range 5 {
			next := table.Next(before)
			if next.IsZero() {
				return
			}
			require.True(t, next.After(before))
			require.Zero(t, next.Nanosecond())
			due, dropped := table.Due(before, next, 1)
			require.Equal(t, []time.Time{next}, due)
			require.Zero(t, dropped)
			before = next
		}
	})
}
