package control_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/streams"
)

// Whatever stands in the stream: a line is refused with its offset, or is the same when it is written and read again; and
// who reads a snapshot of what the lines add up to knows what their reader knew.
func FuzzDecode(f *testing.F) {
	for _, lines := range []string{
		`{"kind":"revoke","id":"1","by":"alice","at":"2026-11-22T12:00:00Z","reason":"sent by mistake"}`,
		`{"kind":"pause","queue":"email","at":"2026-11-22T12:00:00+09:00"}` + "\n" + `{"kind":"resume","queue":"email","at":"2026-11-22T12:00:00Z"}`,
		`{"kind":"pause","queue":"a"}` + "\n" + `{"kind":"snapshot","at":"2026-11-22T12:00:00Z","up_to":5,"in_force":[{"kind":"pause","queue":"b","offset":4}]}`,
		`{"kind":"snapshot","up_to":18446744073709551615,"in_force":[{"kind":"revoke","id":"","offset":1},{"kind":"snapshot","in_force":[]}]}`,
		`{"kind":"later","more":1}`, `{"kind":"revoke","id":7}`, `null`, `[]`, `{`, "\n\n", `{"kind":"revoke","id":"1","at":"0001-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(lines), uint64(5))
	}
	f.Fuzz(func(t *testing.T, body []byte, first uint64) {
		offset := first % (1 << 40)
		var state control.State
		for line := range bytes.Lines(body) {
			offset++
			r, err := control.Decode(streams.Record{Offset: offset, User: "bob", Body: line})
			if err != nil {
				require.ErrorIs(t, err, control.ErrInvalidRecord)
				require.ErrorContains(t, err, fmt.Sprintf("at offset %d", offset))
				continue
			}
			require.Equal(t, "bob", r.By, "who RabbitMQ says it was")
			require.Equal(t, offset, r.Offset)
			requireSameAgain(t, r)
			state.Apply(r)
		}
		requireSnapshotIsTheState(t, &state, offset)
	})
}

func requireSameAgain(t *testing.T, r control.Record) {
	line, err := r.Encode()
	require.NoError(t, err, "what was read can be written")
	again, err := control.Decode(streams.Record{Offset: r.Offset, User: r.By, Body: line})
	require.NoError(t, err)
	same, err := again.Encode()
	require.NoError(t, err)
	require.Equal(t, string(line), string(same))
}

// requireSnapshotIsTheState has a reader begin with the snapshot of a state.
func requireSnapshotIsTheState(t *testing.T, state *control.State, offset uint64) {
	offset += 1000 // records of kinds that say nothing
	state.Apply(control.Record{Kind: "later", Offset: offset})
	snapshot, due := state.Snapshot(noon)
	if !due {
		require.Empty(t, state.InForce(noon))
		return
	}
	line, err := snapshot.Encode()
	require.NoError(t, err)
	r, err := control.Decode(streams.Record{Offset: offset + 1, Body: line})
	require.NoError(t, err)
	var other control.State
	other.Apply(r)
	for _, now := range []time.Time{noon, noon.Add(control.Lapse)} {
		require.Equal(t, texts(t, state.InForce(now)), texts(t, other.InForce(now)))
	}
}

// texts are records as they are written: times that are equal may differ in Go.
func texts(t *testing.T, records []control.Record) []string {
	var all []string
	for _, r := range records {
		line, err := r.Encode()
		require.NoError(t, err)
		all = append(all, string(line))
	}
	return all
}
