package lease

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/streams"
)

// Whatever stands in the stream: a record is void or the same when it is written and read again, terms only ever rise by
// one, and nobody but who claimed a term renews it. A reader that came late keeps no more than a bound.
func FuzzDecode(f *testing.F) {
	const claimed = `{"kind":"claim","term":1,"holder":"a","seen":-1,"seq":1,"at":"2026-11-22T06:00:01Z"}`
	for _, lines := range []string{
		claimed, claimed + "\n" + `{"kind":"renewal","term":1,"holder":"a","seen":0,"seq":2}` + "\n" + `{"kind":"claim","term":2,"holder":"b","seen":1,"seq":1}`,
		claimed + "\n" + `{"kind":"resignation","term":1,"holder":"a","seen":0,"seq":2}` + "\n" + `{"kind":"claim","term":2,"holder":"b","seen":1}` + "\n" + `{"kind":"claim","term":2,"holder":"c","seen":1}`,
		`{"kind":"claim","term":9007199254740992,"holder":"a","seen":-1}`, `{"kind":"claim","term":1,"holder":"a"}`, `{"KIND":"claim","holder":7}`, "null", "[", "",
	} {
		f.Add([]byte(lines))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		offset := uint64(0)
		whole, late := from(0), from(1)
		for line := range bytes.Lines(body) {
			if r, err := decode(streams.Record{Offset: offset, Body: line}); err != nil {
				require.ErrorIs(t, err, errVoid)
			} else {
				requireSameRecord(t, r)
				requireFolded(t, &whole, r)
				if offset > 0 {
					late.apply(r)
				}
			}
			offset++
		}
		require.LessOrEqual(t, len(late.waiting), maxWaiting)
	})
}

func requireSameRecord(t *testing.T, r record) {
	line, err := r.encode()
	require.NoError(t, err)
	again, err := decode(streams.Record{Offset: uint64(r.offset), Body: line})
	require.NoError(t, err)
	same, err := again.encode()
	require.NoError(t, err)
	require.Equal(t, string(line), string(same))
}

// requireFolded applies a record to a state that is known.
func requireFolded(t *testing.T, s *state, r record) {
	before := *s
	accepted := s.apply(r)
	require.True(t, s.known)
	if len(accepted) == 0 {
		require.Equal(t, before, *s, "what is not accepted changes nothing")
		return
	}
	require.Equal(t, []record{r}, accepted)
	require.Equal(t, r.offset, s.last)
	if r.Kind == claim {
		require.Equal(t, before.term+1, s.term)
		require.Equal(t, before.last, r.Seen, "it knew all that was accepted")
	} else {
		require.Equal(t, before.term, s.term)
		require.Equal(t, before.holder, r.Holder)
	}
	require.Equal(t, r.Holder, s.holder)
	require.Equal(t, r.Kind == resignation, s.resigned)
}
