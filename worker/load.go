package worker

import (
	"math"
	"sync/atomic"
	"time"
)

// load measures how long a queue's tasks take: the time that its slots were busy by the number of
// tasks that ended meanwhile (Little's law), averaged over the last tasks. Tasks that still run
// count: that a queue has turned from short tasks to long ones shows long before the first of those
// has ended. While nothing runs nothing changes.
//
// began and ended may be called by any number of goroutines and take no lock. measure and over are
// one goroutine's.
type load struct {
	epoch  time.Time // what times are counted from
	memory float64   // how many tasks the average is over, about
	busy   busyTime
	count  atomic.Int64 // tasks that have ended

	seenBusy  int64 // by the last measure
	seenCount int64
	slotTime  float64 // microseconds that slots were busy, averaged
	tasks     float64 // tasks that ended in it, averaged
}

func (l *load) began(at time.Time) { l.busy.began(l.micros(at)) }

func (l *load) ended(at time.Time) {
	l.busy.ended(l.micros(at))
	l.count.Add(1)
}

func (l *load) micros(at time.Time) int64 { return at.Sub(l.epoch).Microseconds() }

// measure takes in what has happened since its last call, and returns how many tasks have ended.
func (l *load) measure(now time.Time) (ended int) {
	busy, count := l.busy.until(l.micros(now)), l.count.Load()
	spent := max(elapsed(l.seenBusy, busy), 0) // a task that began after now was read may be in it
	ended = int(count - l.seenCount)
	l.seenBusy, l.seenCount = busy, count
	// What was seen before fades with the tasks that end and not with time: until the next one ends,
	// the time of those that run adds up.
	fade := math.Exp(-float64(ended) / l.memory)
	l.slotTime = l.slotTime*fade + float64(spent)
	l.tasks = l.tasks*fade + float64(ended)
	if l.tasks > l.memory {
		l.slotTime *= l.memory / l.tasks
		l.tasks = l.memory
	}
	return ended
}

// over is how many mean task times a duration is: infinitely many where tasks take no time that
// could be measured, none before one has ended.
func (l *load) over(d time.Duration) float64 {
	if l.tasks == 0 {
		return 0
	}
	return float64(d.Microseconds()) * l.tasks / l.slotTime
}

// busyTime adds up the time that slots spend on tasks, those that still run included, in one word
// that any number of goroutines change and read: in the lower bits how many tasks run, above them
// all ends less all beginnings, in microseconds. That sum and now for each that runs is the time
// that slots were busy until now. It may wrap around, since only differences are looked at.
type busyTime struct{ word atomic.Int64 }

// runningBits is room for more tasks than MaxConcurrency.
const runningBits = 16

func (b *busyTime) began(at int64) { b.word.Add(-at<<runningBits + 1) }
func (b *busyTime) ended(at int64) { b.word.Add(at<<runningBits - 1) }

func (b *busyTime) until(now int64) int64 {
	word := b.word.Load()
	running := word & (1<<runningBits - 1)
	return word>>runningBits + running*now
}

// elapsed is the busy time between two moments, of which each may have wrapped around.
func elapsed(from, to int64) int64 { return (to - from) << runningBits >> runningBits }
