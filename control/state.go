package control

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Lapse is how long a revocation is in force: a task that is delayed for longer is run.
const Lapse = 7 * 24 * time.Hour

// MaxRevocations is how many revocations are in force at a time at least; beyond it the oldest may be
// forgotten.
const MaxRevocations = 10_000

// snapshotAfter is how many records may stand behind the newest snapshot.
const snapshotAfter = 256

// State is what the records of a control stream add up to. The zero value is the state of an empty one.
// It is not safe for concurrent use.
//
// Of each task and each queue the newest record counts, by the offset where it was first appended. A
// snapshot repeats records, each with that offset, and says up to which offset it knows all that is in
// force; of several the one that knows most counts, wherever in the stream it is. So it makes no difference
// what was appended between the moment up to which a snapshot's writer had read and the snapshot. That is why every
// reader comes to the state of the whole stream, wherever the stream begins by now, as long as it holds
// one snapshot and all that was appended since that one's moment.
type State struct {
	revoked map[string]Record
	queues  map[string]Record // pauses, and resumes: an older pause may still come, in a snapshot

	begun    bool
	last     uint64 // the newest offset that was seen
	snapshot uint64 // the offset of the newest snapshot, else of the first record that was seen
	covered  bool   // a snapshot was seen
	upTo     uint64 // the most that one has known
}

// Apply adds a record as [Decode] returns it, in the order of the stream. An offset that does not ascend
// is that of another stream under the same name, and all that the one before said is forgotten. A
// snapshot that claims to know of itself, or of what came after it, is passed over; so is what one
// repeats with an offset beyond the one up to which it knows: it would stand over what comes later.
func (s *State) Apply(r Record) {
	if s.begun && r.Offset <= s.last {
		*s = State{}
	}
	if !s.begun {
		s.begun, s.snapshot = true, r.Offset
	}
	s.last = r.Offset
	if r.Kind != Snapshot {
		s.enter(r)
		return
	}
	if r.UpTo >= r.Offset {
		return // it claims to know what was not there yet
	}
	s.snapshot = r.Offset
	if s.covered && r.UpTo <= s.upTo {
		return // a better one was seen
	}
	s.covered, s.upTo = true, r.UpTo
	over := func(_ string, old Record) bool { return old.Offset <= r.UpTo }
	maps.DeleteFunc(s.revoked, over)
	maps.DeleteFunc(s.queues, over)
	for _, repeated := range r.InForce {
		if repeated.Offset <= r.UpTo && repeated.Validate() == nil {
			s.enter(repeated)
		}
	}
}

func (s *State) enter(r Record) {
	switch r.Kind {
	case Revoke:
		if s.revoked == nil {
			s.revoked = map[string]Record{}
		}
		newest(s.revoked, r.ID, r)
		if len(s.revoked) > MaxRevocations+MaxRevocations/8 { // seldom: it looks at all of them
			s.evict()
		}
	case Pause, Resume:
		if s.queues == nil {
			s.queues = map[string]Record{}
		}
		newest(s.queues, r.Queue, r)
	}
}

// newest keeps a record unless there is a newer one.
func newest(records map[string]Record, key string, r Record) {
	if has, found := records[key]; !found || has.Offset <= r.Offset {
		records[key] = r
	}
}

// evict drops the oldest revocations beyond MaxRevocations.
func (s *State) evict() {
	for _, r := range sorted(s.revoked)[:max(0, len(s.revoked)-MaxRevocations)] {
		delete(s.revoked, r.ID)
	}
}

func sorted(records map[string]Record) []Record {
	return slices.SortedFunc(maps.Values(records), func(a, b Record) int { return cmp.Compare(a.Offset, b.Offset) })
}

// Size is how many revocations are kept, lapsed ones included: where it is 0 nothing is revoked.
func (s *State) Size() int { return len(s.revoked) }

// Revoked returns the revocation of a task, where one is in force.
func (s *State) Revoked(id string, now time.Time) (Record, bool) {
	r, found := s.revoked[id]
	return r, found && now.Sub(r.At) < Lapse
}

// Paused returns the pause of a queue, where it is paused.
func (s *State) Paused(queue string) (Record, bool) {
	r, found := s.queues[queue]
	return r, found && r.Kind == Pause
}

// InForce returns the pauses and the revocations that are in force, each in the order of the stream.
func (s *State) InForce(now time.Time) []Record { return s.younger(now, Lapse) }

// younger returns the pauses, and the revocations that are younger than age.
func (s *State) younger(now time.Time, age time.Duration) []Record {
	var inForce []Record
	for _, r := range sorted(s.queues) {
		if r.Kind == Pause {
			inForce = append(inForce, r)
		}
	}
	s.evict()
	for _, r := range sorted(s.revoked) {
		if now.Sub(r.At) < age {
			inForce = append(inForce, r)
		}
	}
	return inForce
}

// Snapshot returns the snapshot to append, where one is due: more than 256 records stand behind the
// newest, markers included, and there is something to repeat. It repeats revocations until twice their
// lapse, so that a writer whose clock is fast does not take from the others what is in force by theirs.
func (s *State) Snapshot(now time.Time) (Record, bool) {
	if !s.begun || s.last-s.snapshot <= snapshotAfter {
		return Record{}, false
	}
	inForce := s.younger(now, 2*Lapse)
	return Record{Kind: Snapshot, At: now, UpTo: s.last, InForce: inForce}, len(inForce) > 0
}
