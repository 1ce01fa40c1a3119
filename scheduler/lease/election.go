package lease

import (
	"fmt"
	"maps"
	"time"
)

// timing is what an election goes by.
type timing struct {
	lease    time.Duration // how long a record that was read back lets its holder lead, since it was sent
	margin   time.Duration // how much longer the others wait
	interval time.Duration // between two renewals, and between two claims
}

// tenure is a term that this process holds.
type tenure struct {
	term  uint64
	until time.Duration // by instant.fast
	// resigned says that the resignation was handed out; nothing is renewed behind it.
	resigned bool
}

// election is one process's part in the election: a state machine that is told what was read and what
// time it is, and says what to append and whether the process leads. It knows neither a stream nor a
// clock, and is not safe for concurrent use.
type election struct {
	timing
	holder string
	state  state

	begun    bool          // the session has told where the stream begins
	caughtUp bool          // it has read what was there when it began
	heard    time.Duration // when the last accepted record was received, by instant.slow

	seq     uint64
	sent    map[uint64]time.Duration // when a record was sent, by instant.fast; for as long as it may count
	busy    bool                     // an append is under way
	next    time.Duration            // when to append again, by instant.slow
	closing bool                     // nothing is claimed or renewed any more

	mine  *tenure // nil: this process does not lead
	ended error   // why the last term has ended
	left  uint64  // the newest term that was given up while the lease held
}

func newElection(holder string, t timing) election {
	return election{timing: t, holder: holder, sent: map[uint64]time.Duration{}}
}

// begin is the beginning of a session, with the offset of the first record that the stream still has.
func (e *election) begin(offset uint64, now instant) {
	e.state, e.begun, e.caughtUp, e.heard = from(offset), true, false, now.slow
}

// lost is the end of a session.
func (e *election) lost() { e.begun, e.caughtUp = false, false }

// read takes a record, as it was read at now.
func (e *election) read(r record, now instant) {
	e.expire(now)
	for _, a := range e.state.apply(r) {
		e.heard = now.slow
		e.accepted(a, now)
	}
}

// accepted takes note of a record that counts.
func (e *election) accepted(r record, now instant) {
	if r.Holder != e.holder {
		if e.mine != nil && r.Kind == claim && r.Term > e.mine.term {
			e.end(fmt.Errorf("%w: %s has claimed term %d", ErrLost, r.Holder, r.Term))
		}
		return
	}
	sent, known := e.sent[r.Seq]
	if !known {
		return // it was sent too long ago to count
	}
	switch until := sent + e.lease; {
	case r.Kind == claim && e.mine == nil && r.Term != e.left: // one is read again by a new session
		e.mine = &tenure{term: r.Term, until: until}
		e.next = max(e.next, now.slow+e.interval)
		e.expire(now)
	case r.Kind == renewal && e.mine != nil && r.Term == e.mine.term:
		e.mine.until = max(e.mine.until, until)
	}
}

// expire ends the term where its lease is over.
func (e *election) expire(now instant) {
	if e.mine != nil && now.fast >= e.mine.until {
		e.end(fmt.Errorf("%w: no renewal was read back within %s", ErrLost, e.lease))
	}
	maps.DeleteFunc(e.sent, func(_ uint64, sent time.Duration) bool { return now.fast-sent >= e.lease })
}

// end ends the term for good. Its renewals count only while it is held; and its claim has been sent a lease
// ago, or another would not have been accepted.
func (e *election) end(reason error) { e.mine, e.ended = nil, reason }

// leads reports whether this process leads at an instant, whatever it has noticed so far.
func (e *election) leads(now instant) bool {
	return e.mine != nil && !e.mine.resigned && now.fast < e.mine.until
}

// append returns the record to append now, where there is one: a claim or a renewal. Until appended is
// called there is no other.
func (e *election) append(now instant) (record, bool) {
	e.expire(now)
	switch {
	case e.busy || e.closing || !e.begun || !e.state.known || now.slow < e.next:
		return record{}, false
	case e.mine != nil && e.state.term == e.mine.term && e.state.holder == e.holder:
		return e.write(renewal, e.mine.term, now), true
	case e.mine == nil && e.mayClaim(now):
		return e.write(claim, e.state.term+1, now), true
	}
	return record{}, false
}

// mayClaim reports whether nobody else can hold the lease, as far as this process has read. A claim that
// is too early is void in any case, unless its writer has read the last renewal; so only the wait for
// the lease and the margin must be right.
func (e *election) mayClaim(now instant) bool {
	return e.caughtUp &&
		(e.state.vacant() || e.state.holder == e.holder || now.slow-e.heard >= e.lease+e.margin)
}

// resign returns the resignation, where there is a term to resign and no append under way. The process
// does not lead from then on.
func (e *election) resign(now instant) (record, bool) {
	e.expire(now)
	if e.busy || e.mine == nil || e.mine.resigned {
		return record{}, false
	}
	e.mine.resigned = true
	return e.write(resignation, e.mine.term, now), true
}

// standBack is for how many leases one who has given up its term leaves the next ones to others.
const standBack = 2

// stepDown gives up the term that this process holds. It returns the resignation, unless an append is
// under way: then the lease runs out.
func (e *election) stepDown(now instant) (record, bool) {
	if e.mine == nil {
		return record{}, false
	}
	term := e.mine.term
	r, ok := e.resign(now)
	e.left = term
	e.end(errSteppedDown)
	e.next = now.slow + standBack*e.lease
	return r, ok
}

// write returns a record that is sent at now.
func (e *election) write(kind string, term uint64, now instant) record {
	e.seq++
	e.sent[e.seq] = now.fast
	e.busy, e.next = true, now.slow+e.interval
	return record{Kind: kind, Term: term, Holder: e.holder, Seen: e.state.last, Seq: e.seq}
}

// appended is the end of an append, however it ended: only what is read back counts.
func (e *election) appended() { e.busy = false }
