package lease

import (
	"time"

	"github.com/jonboulle/clockwork"
)

// instant is a moment of this process, by two reckonings of the time since it began.
type instant struct {
	// slow is by the monotonic clock. It is never ahead of the true time, and stands still while the
	// machine sleeps: others are waited for by it.
	slow time.Duration
	// fast goes on by whichever of the monotonic and the wall clock has gone further since the clocks were
	// looked at last. It knows of a sleep; a wall clock that is put forward makes it late too early, one
	// that is put back does not hold it up: one's own lease ends by it.
	fast time.Duration
}

// after returns the instant once the clocks have gone on.
func (i instant) after(monotonic, wall time.Duration) instant {
	monotonic = max(0, monotonic)
	return instant{slow: i.slow + monotonic, fast: i.fast + max(monotonic, wall)}
}

// timepiece reads both clocks. It is not safe for concurrent use.
type timepiece struct {
	clock clockwork.Clock
	last  time.Time
	now   instant
}

func newTimepiece(clock clockwork.Clock) timepiece { return timepiece{clock: clock, last: clock.Now()} }

// read returns the instant, and the time for people.
func (t *timepiece) read() (instant, time.Time) {
	at := t.clock.Now()
	t.now = t.now.after(at.Sub(t.last), at.Round(0).Sub(t.last.Round(0)))
	t.last = at
	return t.now, at
}
