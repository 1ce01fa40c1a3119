package ledger

import (
	"maps"
	"slices"
	"time"
)

// MaxEntries is how many entries a ledger holds, absent ones included, and how many a configuration may
// have. Of more than that those that were absent for longest are forgotten, and records that name others
// are passed over.
const MaxEntries = 50_000

const (
	// forgotten is for how long an absent entry is kept.
	forgotten = 30 * 24 * time.Hour
	// returns is for how long an entry may be absent and yet go on as though it had not been: while a
	// deployment rolls, schedulers with the old and the new configuration lead in turn.
	returns = time.Hour
)

// State is what the records of a ledger add up to. The zero value is that of an empty one. It is not
// safe for concurrent use.
type State struct {
	entries map[string]Entry // those that a record said are known
	strays  map[string]Entry // what was said of others: the record that they are known may still come
	next    uint64           // the offset behind the last record that was read
	weight  int              // how many bytes Load has read beside snapshots
}

// Apply adds a record as [Decode] returns it. It makes no difference in which order records are added,
// nor how often one is.
func (s *State) Apply(r Record) {
	s.next = max(s.next, r.Offset+1)
	s.add(r)
}

func (s *State) add(r Record) {
	switch r.Kind {
	case KindTick:
		s.merge(r.Entry, Entry{Epoch: r.Epoch, Last: r.ScheduledFor, Emitted: Emission{r.ScheduledFor, r.ID, r.At}})
	case KindSkipped:
		s.merge(r.Entry, Entry{Epoch: r.Epoch, Last: r.To})
	case KindKnown, KindAbsent:
		s.merge(r.Entry, r.sight())
	case KindSnapshot:
		for identity, e := range r.Entries {
			s.merge(identity, e)
		}
	}
}

// sight is what a record says of an entry's place in a leader's configuration.
func (r *Record) sight() Entry {
	return Entry{
		Name: r.Name, Timetable: r.Timetable, Since: r.Since, AbsentSince: r.AbsentSince,
		SeenAt: r.At, SeenTerm: r.Term, SeenEpoch: r.Epoch, Epoch: r.Epoch,
	}
}

func (s *State) merge(identity string, said Entry) {
	said = said.utc()
	if e, found := s.entries[identity]; found {
		e.merge(said)
		s.entries[identity] = e
		return
	}
	said.merge(s.strays[identity])
	to := &s.strays
	if said.known() {
		delete(s.strays, identity)
		to = &s.entries
	}
	if _, found := (*to)[identity]; !found && len(*to) >= MaxEntries {
		return
	}
	if *to == nil {
		*to = map[string]Entry{}
	}
	(*to)[identity] = said
}

// Entry returns what is known of an entry, by its identity.
func (s *State) Entry(identity string) (Entry, bool) {
	e, found := s.entries[identity]
	return e, found
}

// Entries returns what is known of all entries, absent ones too, by their identity.
func (s *State) Entries() map[string]Entry { return maps.Clone(s.entries) }

// Position returns the time up to which everything is settled of an entry that is known.
func (s *State) Position(identity string) (time.Time, bool) {
	e, found := s.entries[identity]
	return e.Position(), found
}

// forget drops the entries that were absent for 30 days and, where there are more than limit, those
// that were absent for longest.
func (s *State) forget(now time.Time, limit int) {
	type absentee struct {
		identity string
		since    time.Time
	}
	var absent []absentee
	for identity, e := range s.entries {
		switch left, gone := e.left(); {
		case !gone:
		case now.Sub(left) > forgotten:
			delete(s.entries, identity)
		default:
			absent = append(absent, absentee{identity, left})
		}
	}
	if excess := min(len(s.entries)-limit, len(absent)); excess > 0 {
		slices.SortFunc(absent, func(a, b absentee) int { return a.since.Compare(b.since) })
		for _, a := range absent[:excess] {
			delete(s.entries, a.identity)
		}
	}
}
