package worker

import (
	"time"

	"golang.org/x/time/rate"
)

// pace lets no more tasks start than so many a second, and a burst of them at once after a pause. It
// is its owner's, under whose lock all calls are made. A nil pace has no limit.
//
// A turn is only used up by a task that starts. It is asked for when there is a task to start,
// and nobody chooses the task before the turn has come: what arrives meanwhile and is of a higher
// priority goes first.
type pace struct {
	limiter  *rate.Limiter
	interval time.Duration
	turn     time.Time // when the next task may start, as reserved of the limiter; zero: not reserved
	alarm    alarm     // goes off at the turn
}

// newPace returns the pace of so many tasks a second, nil for 0. It sets the alarm when a task has
// been refused whose turn is still to come.
func newPace(limit rate.Limit, burst int, a alarm) *pace {
	if limit == 0 {
		return nil
	}
	return &pace{
		limiter:  rate.NewLimiter(limit, burst),
		interval: time.Duration(float64(time.Second) / float64(limit)),
		alarm:    a,
	}
}

// start reports whether a task may start now, and if so counts it as started.
func (p *pace) start(now time.Time) bool {
	if p == nil {
		return true
	}
	// A turn that was reserved for a task which then went away is void when the limiter has the next
	// one ready: two tasks would start at once. Before that it stands, so that a start that comes
	// late does not delay those that follow.
	if p.turn.IsZero() || now.Sub(p.turn) >= p.interval {
		p.turn = now.Add(p.limiter.ReserveN(now, 1).DelayFrom(now))
	}
	if wait := p.turn.Sub(now); wait > 0 {
		p.alarm.set(wait)
		return false
	}
	p.turn = time.Time{}
	return true
}

func (p *pace) stop() {
	if p != nil {
		p.alarm.stop()
	}
}
