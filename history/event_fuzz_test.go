package history

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/streams"
)

// Whatever stands in the history: each line is an event or a gap of one, which is written as JSON that encoding/json
// reads as the same event, and is added up alike by who reads it fast and who reads it whole.
func FuzzEvents(f *testing.F) {
	for _, lines := range []string{
		`{"at":"2026-11-22T06:00:01.000123Z","event":"succeeded","id":"a","key":"email.welcome","queue":"email","attempt":1,"worker":"h:1","wait_ms":12.5,"duration_ms":3.25,"by":"guest (claimed)"}`,
		`{"at":"2026-11-22T06:00:01Z","event":"retried","error":"\"queue\":\"x\"","reason":"é\n","attempt":-1,"wait_ms":-1.5}`,
		`{"at":"2026-11-22T06:00:01+09:00","event":"progress","percent":1e300,"note":"\ud800"}` + "\n\n" + `{"event":"gap","count":7}`,
		`{"event":"dead","queue":"","wait_ms":0,"duration_ms":0.0004,"batch":"b","batch_index":1,"batch_total":2,"schedule":"s"}`,
		`{"event":"later","wait_ms":1e300,"more":[{}]}`, `{"event":""}`, "null", "[]", "nonsense", `{"at":"9999-12-31T23:59:59.999999Z","event":"dead"}`,
		`{"at":"0000-01-01T00:00:00+23:59","event":"dead"}`,
	} {
		f.Add([]byte(lines))
	}
	at := time.Date(2026, 11, 22, 6, 0, 1, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		require.NoError(t, (&Filter{}).Events(streams.Record{Offset: 3, Time: at, Body: body}, func(e Event) error {
			require.NotEmpty(t, e.Event)
			line, err := json.Marshal(e)
			require.NoError(t, err)
			var again Event
			require.NoError(t, json.Unmarshal(line, &again), string(line))
			require.Equal(t, e.Event, again.Event)
			require.True(t, e.At.Truncate(time.Microsecond).Equal(again.At), "%s: %s", e.At, line)
			same, err := json.Marshal(again)
			require.NoError(t, err)
			require.Equal(t, string(line), string(same))

			var scanned, parsed outcome
			if parsed.parse(line, at); !scanned.scan(line) || !counts(scanned.kind) {
				return nil
			}
			parsed.count = 0 // a gap's alone
			require.True(t, parsed.at.Equal(scanned.at))
			require.Equal(t, string(parsed.queue), string(scanned.queue))
			parsed.at, parsed.queue, scanned.at, scanned.queue = time.Time{}, nil, time.Time{}, nil
			require.Equal(t, parsed, scanned)
			return nil
		}))
	})
}
