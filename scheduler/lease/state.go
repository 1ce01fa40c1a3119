package lease

// maxWaiting is how many records a state that is not known keeps, the newest: a record proves one that is
// seldom more than some candidates' claims back.
const maxWaiting = 1024

// state is what the records of the stream add up to, in their order. It is a pure fold: two that are
// known, and have read up to the same offset, are the same, wherever each began to read.
type state struct {
	// known is false where the stream has been trimmed and nothing has proved yet what was before.
	known    bool
	term     uint64 // 0: nobody has ever held the lease
	holder   string
	last     int64 // the offset of the last accepted record, or nothing
	resigned bool

	waiting []record // while it is not known
}

// from returns the state of a reader that begins at an offset. At 0 that is the state of an empty stream.
func from(offset uint64) state { return state{known: offset == 0, last: nothing} }

// apply adds a record, in the order of the stream, and returns those that are known now to be accepted:
// none, that one, or where it proves what the state is, those since the one that it names.
func (s *state) apply(r record) (accepted []record) {
	if s.known {
		if s.accepts(r) {
			s.accept(r)
			accepted = append(accepted, r)
		}
		return accepted
	}
	s.waiting = append(s.waiting, r)
	if len(s.waiting) > maxWaiting {
		s.waiting = append(s.waiting[:0], s.waiting[len(s.waiting)-maxWaiting:]...)
	}
	i, found := s.proved(r)
	if !found {
		return nil
	}
	since := s.waiting[i:]
	s.known, s.waiting = true, nil
	s.accept(since[0])
	accepted = append(accepted, since[0])
	for _, r := range since[1:] {
		accepted = append(accepted, s.apply(r)...)
	}
	return accepted
}

// accepts reports whether a record changes the state. A claim does that names the next term, and the very
// record that was accepted last: the first one of a term, unless a renewal precedes it.
func (s *state) accepts(r record) bool {
	if r.Kind == claim {
		return r.Term == s.term+1 && r.Seen == s.last
	}
	return r.Term == s.term && r.Holder == s.holder && !s.resigned
}

func (s *state) accept(r record) {
	s.term, s.holder, s.last, s.resigned = r.Term, r.Holder, r.offset, r.Kind == resignation
}

// proved returns which of the records that wait is accepted because r names it. Nobody writes but who
// knows the state, and Seen is the last record that its writer has accepted; so that one is, and what
// it says was the state then.
func (s *state) proved(r record) (at int, found bool) {
	for i, w := range s.waiting {
		if w.offset != r.Seen {
			continue
		}
		if r.Kind == claim {
			return i, r.Term == w.Term+1
		}
		return i, r.Term == w.Term && r.Holder == w.Holder && w.Kind != resignation
	}
	return 0, false
}

// vacant reports whether nobody holds the lease, so that nobody has to be waited for.
func (s *state) vacant() bool { return s.known && (s.term == 0 || s.resigned) }
