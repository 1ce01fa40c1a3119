package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/streams"
	"github.com/warrenmq/warren/tasks"
)

const tickLine = `{"kind":"tick","entry":"a","scheduled_for":"2026-11-22T07:00:00+01:00","id":"x","at":"2026-11-22T06:00:01Z","term":1,"read_from":3}`

func TestDecode(t *testing.T) {
	t.Parallel()
	r, err := Decode(streams.Record{Offset: 7, Body: []byte(tickLine)})
	require.NoError(t, err)
	assert.Equal(t, uint64(7), r.Offset)
	assert.Equal(t, uint64(3), *r.ReadFrom)
	r, err = Decode(streams.Record{Offset: 2, Body: []byte(tickLine)})
	require.NoError(t, err)
	assert.Nil(t, r.ReadFrom, "it points forward")
	r, err = Decode(streams.Record{Body: []byte(`{"kind":"later","entry":"a"}`)})
	require.NoError(t, err)
	assert.Equal(t, Kind("later"), r.Kind)

	for want, body := range map[string]string{
		"cannot unmarshal number":        strings.Replace(tickLine, `"a"`, `7`, 1),
		"unexpected end":                 tickLine[:20],
		"1048577 bytes, at most":         strings.Repeat(" ", maxRecordBytes+1),
		"parsing time":                   strings.Replace(tickLine, "2026-11-22T07", "12026-11-22T07", 1),
		"is not within the years 1970":   strings.Replace(tickLine, "2026-11-22T07", "9000-11-22T07", 1),
		"at: 1969-12-31":                 strings.Replace(tickLine, "2026-11-22T06:00:01Z", "1969-12-31T23:59:59Z", 1),
		"entry: 256 bytes":               strings.Replace(tickLine, `"a"`, `"`+strings.Repeat("a", 256)+`"`, 1),
		"part 0 of 0":                    `{"kind":"snapshot"}`,
		"part 2 of 1":                    `{"kind":"snapshot","part":2,"parts":1}`,
		"part 1 of 1000000":              `{"kind":"snapshot","part":1,"parts":1000000}`,
		"read_from is missing":           `{"kind":"snapshot","part":1,"parts":1,"read_from":8}`,
		`entry "a": since: 0001-01-01`:   `{"kind":"snapshot","part":1,"parts":1,"read_from":1,"entries":{"a":{}}}`,
		"absent: entry: 0 bytes":         `{"kind":"absent"}`,
		"epoch: 9007199254740992, at":    strings.Replace(tickLine, `"term":1`, `"epoch":9007199254740992`, 1),
		"seen_epoch: 2 is newer":         `{"kind":"snapshot","part":1,"parts":1,"read_from":1,"entries":{"a":{"since":"2026-11-22T07:00:00Z","seen_at":"2026-11-22T07:00:00Z","seen_epoch":2,"epoch":1}}}`,
		"cannot unmarshal number -1":     strings.Replace(tickLine, `"term":1`, `"term":-1`, 1),
		"json: cannot unmarshal array":   `[]`,
		"unexpected end of JSON":         ``,
		"exceeded max depth":             strings.Repeat("[", 100_000),
		"skipped: 0 ticks from 2026-11-": `{"kind":"skipped","entry":"a","from":"2026-11-22T07:00:00Z","to":"2026-11-22T07:00:00Z","at":"2026-11-22T07:00:00Z"}`,
	} {
		_, err := Decode(streams.Record{Offset: 5, Body: []byte(body)})
		require.ErrorIs(t, err, ErrInvalidRecord, body[:min(len(body), 80)])
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "at offset 5")
	}
	_, err = Decode(streams.Record{Body: []byte(tickLine), Headers: map[string]any{tasks.HeaderStatus: "ok"}})
	assert.ErrorContains(t, err, "a worker's reply")
}

// What can be read can be written as it was read, alone and in a snapshot.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(tickLine))
	f.Add([]byte(`{"kind":"skipped","entry":"a","from":"2026-11-22T07:00:00Z","to":"2026-11-22T08:00:00-03:30","ticks":3,"at_least":true,"reason":"cap","at":"2026-11-22T07:00:00Z"}`))
	f.Add([]byte(`{"kind":"known","entry":"a","name":"b","timetable":"@daily","since":"2026-11-22T07:00:00Z","at":"2026-11-22T07:00:00.000001Z","term":18446744073709551615}`))
	f.Add([]byte(`{"kind":"absent","entry":"a","since":"2026-11-22T07:00:00Z","absent_since":"8999-12-31T23:59:59.999999Z","at":"1970-01-01T00:00:00+23:59"}`))
	f.Add([]byte(`{"kind":"snapshot","snapshot":"x","part":1,"parts":2,"read_from":9,"at":"2026-11-22T07:00:00Z","entries":{"a":{"since":"2026-11-22T07:00:00Z","seen_at":"2026-11-22T07:00:00Z","emitted":{"id":"x"}}}}`))
	f.Add([]byte(`{"kind":"snapshot","snapshot":"x","part":1,"parts":1,"read_from":9,"at":"2026-11-22T07:00:00Z","entries":{"a":{"since":"2026-11-22T07:00:00Z","seen_at":"2026-11-22T07:00:00Z","seen_epoch":1,"epoch":2}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := Decode(streams.Record{Offset: 10, Body: body})
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidRecord)
			return
		}
		line, err := r.Encode()
		require.NoError(t, err)
		again, err := Decode(streams.Record{Offset: 10, Body: line})
		require.NoError(t, err)
		same, err := again.Encode()
		require.NoError(t, err)
		require.Equal(t, string(line), string(same))

		var state, copied State
		state.Apply(r)
		readFrom := uint64(0)
		for _, part := range divide(state.Entries()) {
			snapshot := Record{Kind: KindSnapshot, Snapshot: "x", Part: 1, Parts: 1, ReadFrom: &readFrom, At: start, Entries: part}
			line, err := snapshot.Encode()
			require.NoError(t, err)
			read, err := Decode(streams.Record{Body: line})
			require.NoError(t, err)
			copied.Apply(read)
		}
		require.Len(t, copied.entries, len(state.entries))
		for identity, e := range state.entries {
			require.Equal(t, e, copied.entries[identity])
		}
	})
}

func TestDivide(t *testing.T) {
	t.Parallel()
	entries := map[string]Entry{}
	for i := range 2000 {
		entries[fmt.Sprintf("entry-%05d", i)] = Entry{
			Name: "entry", Timetable: "cron 0 3 * * * Europe/Berlin", Since: start, SeenAt: start, SeenTerm: 1, Last: start,
			Emitted: Emission{start, "019b6eb0-0000-7000-8000-000000000000", start},
		}
	}
	together, count := map[string]Entry{}, 0
	for _, part := range divide(entries) {
		line, err := json.Marshal(part)
		require.NoError(t, err)
		assert.Less(t, len(line), maxRecordBytes/4)
		for identity, e := range part {
			together[identity] = e
			count++
		}
	}
	assert.Equal(t, len(entries), count, "each once")
	assert.True(t, maps.Equal(entries, together))
	large := map[string]Entry{}
	for i := range 100 {
		large[strings.Repeat("\x01", 200)+fmt.Sprint(i)] = Entry{Timetable: strings.Repeat("\x01", MaxTimetableBytes)}
	}
	for _, part := range divide(large) {
		line, err := json.Marshal(part)
		require.NoError(t, err)
		assert.Less(t, len(line), maxRecordBytes)
	}
	assert.Equal(t, []map[string]Entry{{}}, divide(nil))
}
