package main

import "time"

// burials explains why there is more than one letter of one task.
type burials struct {
	evidence *evidence
	letters  []letter
	origin   time.Time // when the task was published
	// followed is how many runs beyond the first gave the task up, resent how often the publisher sent it
	// again.
	followed, resent int
}

// explain returns the causes of the letters beyond the first.
func (b *burials) explain() []cause {
	var all []cause
	for i := 1; i < len(b.letters); i++ {
		all = append(all, b.explainOne(b.letters[i-1], b.letters[i]))
	}
	return all
}

func (b *burials) explainOne(first, second letter) cause {
	if b.followed > 0 {
		b.followed--
		return byDuplicate
	}
	for _, one := range []letter{first, second} {
		if why := b.evidence.interruptedBurial(one); why != unexplained {
			return why
		}
	}
	switch {
	case b.resent > 0:
		b.resent--
		return byUnconfirmed
	case first.settlement != second.settlement && b.evidence.lost(span{b.origin, second.failedAt.Add(time.Second)}):
		return byRecount
	}
	return unexplained
}

// interruptedBurial returns what happened to the worker that published a letter before it can have
// acknowledged what the letter is of.
func (e *evidence) interruptedBurial(l letter) cause {
	// It was published within the second that it tells, and is confirmed and acknowledged then.
	held := span{l.failedAt, e.settled(&run{process: l.process, finished: l.failedAt.Add(time.Second)})}
	if !e.killed(l.process, held).IsZero() {
		return byKill
	}
	for _, d := range e.damages {
		switch {
		case !d.loses() || !d.struck(l.process) || !d.reach().meets(held):
		case d.kind == stopBroker, d.kind == crashBroker:
			return byRestartOnTheWay
		case d.kind == freezeWorker, d.kind == pauseWorker:
			return byFreeze
		case d.kind != killWorker && d.kind != killSlowly:
			return byLink
		}
	}
	return unexplained
}

// lost reports whether a worker or the broker lost connections within a time.
func (e *evidence) lost(within span) bool {
	for _, d := range e.damages {
		if d.loses() && d.who.role != thePublisher && d.reach().meets(within) {
			return true
		}
	}
	return false
}
