package lease

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/streams"
)

// fold applies records, whose offsets are their places behind the first.
func fold(first int64, records ...record) state {
	s := from(uint64(first))
	for i, r := range records {
		r.offset = first + int64(i)
		s.apply(r)
	}
	return s
}

func TestStateAccepts(t *testing.T) {
	t.Parallel()
	is := func(kind string, term uint64, holder string, seen int64) record {
		return record{Kind: kind, Term: term, Holder: holder, Seen: seen}
	}
	won := is(claim, 1, "a", nothing)
	tests := []struct {
		name    string
		records []record
		want    state
	}{
		{"the first claim of a term", []record{won, is(claim, 1, "b", nothing)}, state{known: true, term: 1, holder: "a"}},
		{"a claim that skips a term", []record{is(claim, 2, "a", nothing)}, state{known: true, last: nothing}},
		{"a renewal", []record{won, is(renewal, 1, "a", 0)}, state{known: true, term: 1, holder: "a", last: 1}},
		{"a renewal of another's", []record{won, is(renewal, 1, "b", 0)}, state{known: true, term: 1, holder: "a"}},
		{"a renewal of another term", []record{won, is(renewal, 2, "a", 0)}, state{known: true, term: 1, holder: "a"}},
		{"a claim", []record{won, is(claim, 2, "b", 0)}, state{known: true, term: 2, holder: "b", last: 1}},
		{
			"a claim that a renewal precedes", []record{won, is(renewal, 1, "a", 0), is(claim, 2, "b", 0)},
			state{known: true, term: 1, holder: "a", last: 1},
		},
		{
			"a renewal behind a claim", []record{won, is(claim, 2, "b", 0), is(renewal, 1, "a", 0)},
			state{known: true, term: 2, holder: "b", last: 1},
		},
		{
			"a late renewal behind a resignation", []record{won, is(resignation, 1, "a", 0), is(renewal, 1, "a", 0)},
			state{known: true, term: 1, holder: "a", last: 1, resigned: true},
		},
		{
			"a claim behind a resignation", []record{won, is(resignation, 1, "a", 0), is(claim, 2, "b", 1)},
			state{known: true, term: 2, holder: "b", last: 2},
		},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, fold(0, tt.records...), tt.name)
	}
}

// A state that is not known is known again by a record that names one which was read, and by no other.
func TestStateIsProved(t *testing.T) {
	t.Parallel()
	r := func(kind string, term uint64, holder string, seen int64) record {
		return record{Kind: kind, Term: term, Holder: holder, Seen: seen}
	}
	unknown := fold(10, r(renewal, 7, "a", 9), r(renewal, 6, "b", 10), r(claim, 7, "b", 10), r(renewal, 7, "a", 8))
	assert.False(t, unknown.known)
	assert.Len(t, unknown.waiting, 4)
	assert.Equal(t, state{known: true, term: 7, holder: "a", last: 12},
		fold(10, r(renewal, 7, "a", 9), r(claim, 7, "b", 5), r(renewal, 7, "a", 10)))
	assert.Equal(t, state{known: true, term: 8, holder: "b", last: 11}, fold(10, r(resignation, 7, "a", 9), r(claim, 8, "b", 10)))

	many := make([]record, 3*maxWaiting)
	for i := range many {
		many[i] = r(claim, 7, "b", 5)
	}
	s := fold(10, many...)
	assert.Len(t, s.waiting, maxWaiting)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	good := `{"kind":"claim","term":1,"holder":"h","seen":-1,"seq":1,"at":"2026-11-22T06:00:01Z"}`
	r, err := decode(streams.Record{Offset: 5, Body: []byte(good)})
	require.NoError(t, err)
	assert.EqualValues(t, 5, r.offset)
	for _, body := range []string{
		"", "null", "{}", "[1]", good + good,
		strings.Replace(good, "claim", "coup", 1), strings.Replace(good, `"term":1`, `"term":0`, 1),
		strings.Replace(good, `"term":1`, `"term":9007199254740993`, 1), strings.Replace(good, `"term":1`, `"term":-1`, 1),
		strings.Replace(good, `"h"`, `""`, 1), strings.Replace(good, `"h"`, `"`+strings.Repeat("h", maxHolderBytes+1)+`"`, 1),
		strings.Replace(good, `"seen":-1`, `"seen":-2`, 1), strings.Replace(good, `"seen":-1,`, "", 1),
		strings.Replace(good, `"seen":-1`, `"seen":5`, 1), strings.Replace(good, "{", "{"+strings.Repeat(" ", maxRecordBytes), 1),
	} {
		_, err := decode(streams.Record{Offset: 5, Body: []byte(body)})
		require.ErrorIs(t, err, errVoid, body)
	}
}

func TestInstant(t *testing.T) {
	t.Parallel()
	i := instant{}.after(5, 5).after(5, -100).after(0, 7).after(-1, -1)
	assert.Equal(t, instant{slow: 10, fast: 17}, i)
}
