package worker

import (
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"
)

// exactClock is the real clock, whose alarms are exact.
type exactClock struct{ clockwork.Clock }

// alarmLead is how long before its time an exact alarm's timer goes off; the rest is slept in the kernel. Go's
// timers are as late as epoll_wait, which counts whole milliseconds: half of one on average, a whole one at worst
// (runtime/netpoll_epoll.go). The kernel's own are late by its timer slack, 50 µs (prctl(2), PR_SET_TIMERSLACK).
const alarmLead = 2 * time.Millisecond

// alarm calls a function, in a goroutine of its own, when a time has passed. It is its owner's, who
// holds the lock that the function takes. One that is set again as it goes off may call it too early.
type alarm struct {
	clock clockwork.Clock
	fire  func()
	timer clockwork.Timer // nil before it was needed
	at    *atomic.Int64   // of an exact one: its time, in nanoseconds since began
	began time.Time
}

// newAlarm returns an alarm that goes off when the clock tells, and exactly then if it is an exactClock.
func newAlarm(clock clockwork.Clock, fire func()) alarm {
	a := alarm{clock: clock, fire: fire}
	if _, exact := clock.(exactClock); exact {
		a.at, a.began = new(atomic.Int64), clock.Now()
	}
	return a
}

// set sets the alarm, in place of what was set before.
func (a *alarm) set(in time.Duration) {
	fire := a.fire
	if a.at != nil {
		a.at.Store(int64(time.Since(a.began) + in))
		in -= alarmLead
		fire = a.fireExactly
	}
	if a.timer == nil {
		a.timer = a.clock.AfterFunc(in, fire)
		return
	}
	a.timer.Reset(in)
}

// fireExactly sleeps the rest of the time. It holds a thread for that, and no longer than alarmLead where the
// alarm has been set anew for later.
func (a *alarm) fireExactly() {
	if rest := time.Duration(a.at.Load()) - time.Since(a.began); rest > 0 {
		sleepExactly(min(rest, alarmLead))
	}
	a.fire()
}

// stop makes it silent. A call that has begun goes on.
func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
