package lease

import (
	"sync"

	"github.com/warrenmq/warren/streams"
)

// Observer knows who holds the lease while it follows the stream, for whoever looks for long: see [Read] for
// a single look. It is a [streams.Follower]; Status may be called by any goroutine. The zero value is
// ready for use.
type Observer struct {
	// The follower's goroutine alone uses these two.
	state   state
	reading Status

	mu     sync.Mutex
	status Status
}

// Status returns what is known by now. While a session reads what an earlier one had read, that does not
// change.
func (o *Observer) Status() Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.status
}

// Begin takes note of where a session begins.
func (o *Observer) Begin(offset uint64) { o.state, o.reading = from(offset), Status{} }

// Deliver takes a record.
func (o *Observer) Deliver(entry streams.Record) {
	r, err := decode(entry)
	if err != nil {
		return // it is void
	}
	for _, a := range o.state.apply(r) {
		o.reading.add(a)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reading.Known && !o.reading.olderThan(&o.status) {
		o.status = o.reading
	}
}

// olderThan reports whether it is what the stream told before another status. Only within a term do their times
// tell: the clock of the next holder may be behind.
func (s *Status) olderThan(o *Status) bool {
	return s.Term < o.Term || s.Term == o.Term && s.Renewed.Before(o.Renewed)
}

// CaughtUp takes note that all has been read that was there when the session began: that counts, whatever
// an earlier session had read.
func (o *Observer) CaughtUp() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status = o.reading
}

// Lost takes note of the end of a session.
func (o *Observer) Lost(error) {}
