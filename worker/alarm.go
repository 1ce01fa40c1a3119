package worker

import (
	"time"

	"github.com/jonboulle/clockwork"
)

// alarm calls a function, in a goroutine of its own, when a time has passed. It is its owner's, who
// holds the lock that the function takes.
type alarm struct {
	clock clockwork.Clock
	fire  func()
	timer clockwork.Timer // nil before it was needed
}

// set sets the alarm, in place of what was set before.
func (a *alarm) set(in time.Duration) {
	if a.timer == nil {
		a.timer = a.clock.AfterFunc(in, a.fire)
		return
	}
	a.timer.Reset(in)
}

// stop makes it silent. A call that has begun goes on.
func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
