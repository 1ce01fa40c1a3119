package broker

import (
	"slices"
	"sync"
	"time"
)

const (
	// fewConfirms is how many messages may be under way for each to be awaited apart, so that a queue
	// that confirms slowly delays nothing of another. Beyond it a goroutine for each costs too much.
	fewConfirms = 256
	// confirmPatience is how long those that are awaited in order wait for one that does not come, where
	// one behind it has come.
	confirmPatience = 50 * time.Millisecond
	// confirmDistrust is how long each is awaited apart after that.
	confirmDistrust = time.Second
)

// confirm is what the broker will say of a message that was written: the library's
// DeferredConfirmation.
type confirm interface {
	Done() <-chan struct{}
	Acked() bool
}

// confirms awaits what the broker says of a session's messages. Confirms come nearly in the order of
// publishing, so one goroutine awaits them in that order. What keeps the others waiting gets a
// goroutine of its own, so that a queue that does not confirm keeps back nobody but those who publish
// to it.
type confirms struct {
	settle  func(place uint64, acked bool)
	inOrder chan awaited
	all     sync.WaitGroup
}

type awaited struct {
	place uint64
	confirm
}

// newConfirms begins to await. settle is told of each confirm, by several goroutines. window is how
// many may be awaited at a time.
func newConfirms(window int, settle func(place uint64, acked bool)) *confirms {
	c := &confirms{settle: settle, inOrder: make(chan awaited, window)}
	c.all.Go(c.awaitInOrder)
	return c
}

// await awaits the confirm of a message; under way are how many, it included. It does not block.
func (c *confirms) await(place uint64, of confirm, underWay int) {
	if underWay <= fewConfirms {
		c.awaitApart(awaited{place, of})
		return
	}
	c.inOrder <- awaited{place, of}
}

// close says that there is nothing more to await.
func (c *confirms) close() { close(c.inOrder) }

// wait returns when everything that was awaited has come. It follows close.
func (c *confirms) wait() { c.all.Wait() }

func (c *confirms) awaitApart(a awaited) {
	c.all.Go(func() {
		<-a.Done()
		c.settle(a.place, a.Acked())
	})
}

func (c *confirms) awaitInOrder() {
	patience := time.NewTimer(confirmPatience)
	defer patience.Stop()
	var distrust time.Time
	var waiting []awaited // taken from inOrder already, the oldest first
	for {
		var oldest awaited
		if len(waiting) > 0 {
			oldest, waiting = waiting[0], waiting[1:]
		} else if next, more := <-c.inOrder; more {
			oldest = next
		} else {
			return
		}
		if isDone(oldest) {
			c.settle(oldest.place, oldest.Acked())
			continue
		}
		if time.Now().Before(distrust) {
			c.awaitApart(oldest)
			continue
		}
		patience.Reset(confirmPatience)
		select {
		case <-oldest.Done():
			c.settle(oldest.place, oldest.Acked())
			continue
		case <-patience.C:
		}
		waiting = c.take(append([]awaited{oldest}, waiting...))
		if slices.ContainsFunc(waiting, isDone) { // else nothing comes at all, and nobody is kept back
			distrust = time.Now().Add(confirmDistrust)
		}
	}
}

// take appends what is there to be awaited.
func (c *confirms) take(waiting []awaited) []awaited {
	for {
		select {
		case a, more := <-c.inOrder:
			if !more {
				return waiting
			}
			waiting = append(waiting, a)
		default:
			return waiting
		}
	}
}

func isDone(a awaited) bool {
	select {
	case <-a.Done():
		return true
	default:
		return false
	}
}
