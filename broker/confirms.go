package broker

import (
	"sync"
	"time"
)

const (
	// fewConfirms is how many messages may be under way for each to be awaited apart, so that a queue
	// that confirms slowly delays nothing of another. Beyond it a goroutine for each costs too much.
	fewConfirms = 256
	// confirmPatience is how long those that are awaited in order wait for one that does not come.
	confirmPatience = 50 * time.Millisecond
	// confirmDistrust is how long nothing is waited for in order after that.
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
	for a := range c.inOrder {
		select {
		case <-a.Done():
			c.settle(a.place, a.Acked())
			continue
		default:
		}
		if !time.Now().After(distrust) {
			c.awaitApart(a)
			continue
		}
		patience.Reset(confirmPatience)
		select {
		case <-a.Done():
			c.settle(a.place, a.Acked())
		case <-patience.C:
			c.awaitApart(a)
			distrust = time.Now().Add(confirmDistrust)
		}
	}
}
