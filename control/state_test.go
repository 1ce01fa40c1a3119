package control_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/control"
)

// stream is a control stream in memory: the record at index i has the offset i.
type stream []control.Record

// append adds a record.
func (s *stream) append(r control.Record) {
	r.Offset = uint64(len(*s))
	*s = append(*s, r)
}

// state is what a reader knows who has read the records from..to-1.
func (s stream) state(from, to int) *control.State {
	var state control.State
	for _, r := range s[from:to] {
		state.Apply(r)
	}
	return &state
}

// summary is what a state says.
func summary(s *control.State, now time.Time) []string {
	said := make([]string, 0, 8)
	for _, r := range s.InForce(now) {
		said = append(said, fmt.Sprintf("%s %s%s @%d %s", r.Kind, r.Queue, r.ID, r.Offset, r.By))
	}
	slices.Sort(said)
	return said
}

// Writers read the stream up to some moment and append snapshots later, others append between; the front
// is trimmed, but not what stands behind the moment up to which the best snapshot knows. Every reader then
// knows what one knows who has read everything.
func TestReadersAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s stream
		keep := []int{0} // by the length of the stream: the front may be trimmed up to here
		known := 0       // what the best snapshot knows
		for i := range rapid.IntRange(1, 40).Draw(t, "records") {
			r := control.Record{At: noon, By: strconv.Itoa(i)}
			switch r.Kind = rapid.SampledFrom([]control.Kind{control.Revoke, control.Pause, control.Resume, control.Snapshot}).Draw(t, "kind"); r.Kind {
			case control.Revoke:
				r.ID = rapid.SampledFrom([]string{"1", "2", "3", "4"}).Draw(t, "id")
			case control.Snapshot:
				upTo := rapid.IntRange(0, len(s)).Draw(t, "read up to")
				front := rapid.IntRange(0, keep[upTo]).Draw(t, "front of the writer")
				if upTo == 0 {
					r.Kind = "of a later version"
					break
				}
				r.InForce, r.UpTo = s.state(front, upTo).InForce(noon), uint64(upTo-1)
				known = max(known, upTo)
			default:
				r.Queue = rapid.SampledFrom([]string{"email", "image"}).Draw(t, "queue")
			}
			s.append(r)
			keep = append(keep, known)
		}
		front := rapid.IntRange(0, known).Draw(t, "front of the reader")
		var all stream // nothing of it is trimmed, and there are no snapshots
		for _, r := range s {
			if r.Kind == control.Snapshot {
				r = control.Record{Kind: "of a later version"}
			}
			all.append(r)
		}
		want := all.state(0, len(all))
		got := s.state(front, len(s))
		require.Equal(t, summary(want, noon), summary(got, noon))
		for _, queue := range []string{"email", "image", "other"} {
			_, paused := want.Paused(queue)
			_, gotPaused := got.Paused(queue)
			require.Equal(t, paused, gotPaused, queue)
		}
		for _, id := range []string{"1", "2", "3", "4", "5"} {
			_, revoked := want.Revoked(id, noon)
			_, gotRevoked := got.Revoked(id, noon)
			require.Equal(t, revoked, gotRevoked, id)
		}
	})
}

func TestRevocationsLapse(t *testing.T) {
	t.Parallel()
	var s stream
	s.append(control.Record{Kind: control.Revoke, ID: "1", At: noon})
	s.append(control.Record{Kind: control.Pause, Queue: "email", At: noon})
	state := s.state(0, 2)
	_, revoked := state.Revoked("1", noon.Add(control.Lapse-1))
	assert.True(t, revoked)
	_, revoked = state.Revoked("1", noon.Add(control.Lapse))
	assert.False(t, revoked)
	inForce := state.InForce(noon.Add(control.Lapse))
	require.Len(t, inForce, 1, "a pause does not lapse")
	assert.Equal(t, control.Pause, inForce[0].Kind)
}

// The clock of a snapshot's writer may be days ahead of its readers'.
func TestSnapshotRepeatsUntilTwiceTheLapse(t *testing.T) {
	t.Parallel()
	var s stream
	s.append(control.Record{Kind: control.Revoke, ID: "1", At: noon})
	for range 300 {
		s.append(control.Record{Kind: control.Resume, Queue: "email", At: noon})
	}
	snapshot, due := s.state(0, len(s)).Snapshot(noon.Add(2*control.Lapse - 1))
	require.True(t, due)
	s.append(snapshot)
	last := s.state(len(s)-1, len(s))
	_, revoked := last.Revoked("1", noon.Add(control.Lapse-1))
	assert.True(t, revoked)
	_, revoked = last.Revoked("1", noon.Add(control.Lapse))
	assert.False(t, revoked)
	_, due = s.state(0, len(s)-1).Snapshot(noon.Add(2 * control.Lapse))
	assert.False(t, due, "there is nothing to repeat")
}

func TestRevocationsAreBounded(t *testing.T) {
	t.Parallel()
	var s stream
	for i := range 2 * control.MaxRevocations {
		s.append(control.Record{Kind: control.Revoke, ID: strconv.Itoa(i), At: noon})
	}
	state := s.state(0, len(s))
	assert.LessOrEqual(t, state.Size(), control.MaxRevocations+control.MaxRevocations/8)
	for i := control.MaxRevocations; i < len(s); i++ {
		_, revoked := state.Revoked(strconv.Itoa(i), noon)
		require.True(t, revoked, "the newest are in force")
	}
	assert.Len(t, state.InForce(noon), control.MaxRevocations)
}

func TestSnapshotIsDue(t *testing.T) {
	t.Parallel()
	var s stream
	for range 300 {
		s.append(control.Record{Kind: control.Resume, Queue: "email", At: noon})
	}
	_, due := s.state(0, 300).Snapshot(noon)
	assert.False(t, due, "there is nothing to repeat")
	s.append(control.Record{Kind: control.Pause, Queue: "email", At: noon})
	_, due = s.state(100, 301).Snapshot(noon)
	assert.False(t, due, "not behind so few records")
	snapshot, due := s.state(0, 301).Snapshot(noon)
	require.True(t, due)
	s.append(snapshot)
	_, due = s.state(0, 302).Snapshot(noon)
	assert.False(t, due)
	_, paused := s.state(301, 302).Paused("email")
	assert.True(t, paused)
}

// Numbers begin anew in a stream that was deleted and declared again.
func TestStateOfAnotherStream(t *testing.T) {
	t.Parallel()
	var state control.State
	state.Apply(control.Record{Kind: control.Pause, Queue: "email", Offset: 10})
	state.Apply(control.Record{Kind: control.Revoke, ID: "1", At: noon, Offset: 0})
	_, paused := state.Paused("email")
	assert.False(t, paused)
	_, revoked := state.Revoked("1", noon)
	assert.True(t, revoked)
}

// An offset that a snapshot's writer has made up stands over nothing that comes later.
func TestOffsetsInASnapshotAreNotBelieved(t *testing.T) {
	t.Parallel()
	pause := control.Record{Kind: control.Pause, Queue: "email", At: noon, Offset: 3}
	beyond := control.Record{Kind: control.Resume, Queue: "email", At: noon, Offset: 1 << 60}
	for name, snapshot := range map[string]control.Record{
		"knows of itself":          {Kind: control.Snapshot, Offset: 5, UpTo: 5},
		"knows what comes later":   {Kind: control.Snapshot, Offset: 5, UpTo: 1 << 61, InForce: []control.Record{beyond}},
		"repeats what comes later": {Kind: control.Snapshot, Offset: 5, UpTo: 4, InForce: []control.Record{pause, beyond}},
	} {
		var state control.State
		state.Apply(pause)
		state.Apply(snapshot)
		_, paused := state.Paused("email")
		assert.True(t, paused, name)
		state.Apply(control.Record{Kind: control.Resume, Queue: "email", At: noon, Offset: 6})
		state.Apply(control.Record{Kind: control.Pause, Queue: "email", At: noon, Offset: 7})
		_, paused = state.Paused("email")
		assert.True(t, paused, name)
	}
}
