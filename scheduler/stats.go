package scheduler

import "time"

// Stats is how a scheduler is doing at a moment.
type Stats struct {
	// Leading says that this scheduler is the one that emits ticks.
	Leading bool
	// Term is the number of the newest term of the lease that it knows of, whoever leads it: each change of
	// the leader raises it. 0 where it knows of none.
	Term uint64
}

// Stats returns the scheduler's numbers. It does not block.
func (s *Scheduler) Stats() Stats {
	term, leads := s.lease.Newest()
	return Stats{Leading: leads, Term: term}
}

// TickObserver is told what becomes of ticks. It is called by one goroutine an entry, and must not block.
type TickObserver interface {
	// Emitted tells of a tick of an entry that was published, how long after its time, and whether it had
	// been missed and was caught up on.
	Emitted(entry string, late time.Duration, caughtUp bool)
	// Skipped tells of ticks of an entry that will not be published: those that were missed and that its
	// catch-up leaves out, and those that never can be. Of a long time they are at least so many.
	Skipped(entry string, ticks int)
}

// nobody is told of ticks where nobody wants to be.
type nobody struct{}

func (nobody) Emitted(string, time.Duration, bool) {}
func (nobody) Skipped(string, int)                 {}
