package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/streams"
)

// recorded is a stream that was written before, a record for each text.
type recorded struct {
	records []streams.Record
	from    streams.Offset
}

func (s *recorded) ReadStream(_ context.Context, _ string, from streams.Offset, each func(streams.Record) error) error {
	s.from = from
	for _, r := range s.records {
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *recorded) add(events ...Event) *recorded {
	r := streams.Record{Offset: uint64(len(s.records)), Time: at}
	for i := range events {
		r.Body = append(events[i].append(r.Body), '\n')
	}
	s.records = append(s.records, r)
	return s
}

func (s *recorded) addRaw(body string, headers map[string]any) *recorded {
	s.records = append(s.records, streams.Record{Offset: uint64(len(s.records)), Time: at, Body: []byte(body), Headers: headers})
	return s
}

func TestReadFilters(t *testing.T) {
	t.Parallel()
	s := (&recorded{}).add(
		Event{At: at, Event: Started, ID: "1", Queue: "email"},
		Event{At: at.Add(time.Second), Event: Succeeded, ID: "1", Queue: "email"},
	).add(Event{At: at.Add(2 * time.Second), Event: Dead, ID: "2", Queue: "import", Batch: "b \"1\""}).
		addRaw("", map[string]any{streams.HeaderMarker: "x"}).
		addRaw("nonsense\n\n", nil).
		add(Event{At: at.Add(time.Hour), Event: Gap, Count: 7})
	for name, c := range map[string]struct {
		filter Filter
		want   string
	}{
		"all":       {Filter{}, "started 1, succeeded 1, dead 2, gap 1, gap 7, "},
		"a task":    {Filter{Task: "1"}, "started 1, succeeded 1, gap 1, gap 7, "},
		"a queue":   {Filter{Queue: "import"}, "dead 2, gap 1, gap 7, "},
		"a batch":   {Filter{Batch: "b \"1\""}, "dead 2, gap 1, gap 7, "},
		"kinds":     {Filter{Kinds: []Kind{Dead, Succeeded}}, "succeeded 1, dead 2, "},
		"a time":    {Filter{Since: at.Add(time.Second), Until: at.Add(2 * time.Second)}, "succeeded 1, "},
		"all of it": {Filter{Task: "1", Queue: "import", Kinds: []Kind{Dead}}, ""},
	} {
		got := ""
		require.NoError(t, Read(t.Context(), s, "warren.history", c.filter, func(e Event) error {
			if e.Event == Gap {
				e.ID = fmt.Sprint(e.Count)
			}
			got += fmt.Sprintf("%s %s, ", e.Event, e.ID)
			return nil
		}), name)
		assert.Equal(t, c.want, got, name)
	}
	assert.Equal(t, streams.First(), (&Filter{Task: "1"}).From())
	enough := errors.New("enough")
	seen := 0
	require.ErrorIs(t, Read(t.Context(), s, "warren.history", Filter{Since: at}, func(Event) error { seen++; return enough }), enough)
	assert.Equal(t, 1, seen)
	assert.Equal(t, streams.Since(at.Add(-time.Minute)), s.from)
}

func TestReadBatch(t *testing.T) {
	t.Parallel()
	chunk := func(k Kind, index int, queue string) Event {
		return Event{At: at, Event: k, ID: fmt.Sprint(index), Queue: queue, Batch: "b", BatchIndex: index, BatchTotal: 9}
	}
	s := (&recorded{}).add(
		chunk(Started, 1, "q"), chunk(Succeeded, 1, "q"),
		chunk(Succeeded, 1, "q"), chunk(Dead, 1, "q"), // published twice, and the second failed
		chunk(Dead, 2, "q"), chunk(Succeeded, 2, "q"), // replayed
		chunk(Dead, 3, "q"),
		chunk(Revoked, 4, "q"),
		chunk(Retried, 5, "q"), chunk(Started, 5, "q"),
		chunk(Started, 6, "q"), chunk(Retried, 6, "q"),
		chunk(Succeeded, 7, "q"), chunk(Retried, 7, "other"), // two queues want it
		Event{At: at, Event: Succeeded, ID: "x", Batch: "other", BatchIndex: 8, BatchTotal: 9},
		Event{At: at, Event: Succeeded, ID: "y", Batch: "b"},
		Event{At: at, Event: Succeeded, ID: "z", Batch: "b", BatchIndex: 10, BatchTotal: 9},
		Event{At: at, Event: Gap, Count: 3},
	)
	status, err := ReadBatch(t.Context(), s, "warren.history", "b")
	require.NoError(t, err)
	assert.Equal(t, BatchStatus{
		Batch: "b", Total: 9, Done: 2, Dead: 2, Running: 1, Waiting: 2, Missing: 2,
		DeadIndexes: []int{3, 4}, MissingIndexes: []int{8, 9}, Gaps: 3, Totals: 1,
	}, status)
	assert.False(t, status.Complete())

	none, err := ReadBatch(t.Context(), s, "warren.history", "nobody's")
	require.NoError(t, err)
	assert.Zero(t, none.Total)
	assert.False(t, none.Complete())

	s = &recorded{}
	for index := 1; index <= 500; index++ {
		s.add(Event{Event: Succeeded, Batch: "b", BatchIndex: index, BatchTotal: 1000})
	}
	status, err = ReadBatch(t.Context(), s, "warren.history", "b")
	require.NoError(t, err)
	assert.Equal(t, 500, status.Missing)
	assert.Len(t, status.MissingIndexes, MaxIndexes)
	for index := 501; index <= 1000; index++ {
		s.add(Event{Event: Succeeded, Batch: "b", BatchIndex: index, BatchTotal: 1000})
	}
	status, err = ReadBatch(t.Context(), s, "warren.history", "b")
	require.NoError(t, err)
	assert.True(t, status.Complete())
	assert.Equal(t, []int{}, status.MissingIndexes, "a list in JSON too")
}

// A total that no batch has is no reason to count to it.
func TestReadBatchForgedTotal(t *testing.T) {
	t.Parallel()
	s := &recorded{}
	for index := 1; index <= 2*MaxIndexes; index++ {
		s.add(Event{Event: Dead, Batch: "b", BatchIndex: index, BatchTotal: math.MaxInt32})
	}
	began := time.Now()
	status, err := ReadBatch(t.Context(), s, "warren.history", "b")
	require.NoError(t, err)
	assert.Less(t, time.Since(began), time.Second)
	assert.Equal(t, 2*MaxIndexes, status.Dead)
	assert.Equal(t, math.MaxInt32-2*MaxIndexes, status.Missing)
	require.Len(t, status.DeadIndexes, MaxIndexes)
	require.Len(t, status.MissingIndexes, MaxIndexes)
	assert.Equal(t, MaxIndexes, status.DeadIndexes[MaxIndexes-1], "the first of them")
	assert.Equal(t, 3*MaxIndexes, status.MissingIndexes[MaxIndexes-1], "the first of them")
}

func TestAppend(t *testing.T) {
	t.Parallel()
	m := &memory{}
	require.NoError(t, Append(t.Context(), m, "s"))
	assert.Empty(t, m.records)
	require.NoError(t, Append(t.Context(), m, "s", Event{At: at, Event: Replayed, ID: "1", By: "ops"}, Event{At: at, Event: Dropped}))
	assert.Len(t, m.records, 1)
	assert.Equal(t, []Event{{At: at, Event: Replayed, ID: "1", By: "ops"}, {At: at, Event: Dropped}}, m.events(t))
	m.fails = errors.New("away")
	assert.EqualError(t, Append(t.Context(), m, "s", Event{}), "append to the history: away")
}
