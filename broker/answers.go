package broker

import (
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// answers tells the broker what becomes of a session's deliveries. Acks are collected and written
// together; everything else goes out at once. It is safe for use by any number of goroutines.
type answers struct {
	channel amqp.Acknowledger
	socket  corkable // what the channel writes to
	// wire is held while frames are written, so that they go out in the order in which the book gave
	// them. It is taken before mu.
	wire sync.Mutex
	// first holds a token from the moment when an ack began to wait for others.
	first chan struct{}

	mu     sync.Mutex
	book   *ackBook
	window int  // the prefetch in force
	held   bool // no ack is written, so that the window fills
	ended  bool // nothing is taken any more
	// flushed is when acks were last written.
	flushed time.Time
}

// corkable is a socket.
type corkable interface {
	cork()
	uncork() error
}

func newAnswers(channel amqp.Acknowledger, socket corkable) *answers {
	return &answers{channel: channel, socket: socket, book: newAckBook(), first: make(chan struct{}, 1)}
}

// setWindow tells of the prefetch in force, and lets acks be written.
func (a *answers) setWindow(prefetch int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.window, a.held = prefetch, false
}

// hold keeps acks back until setWindow, so that the broker sends no more than the window still takes.
func (a *answers) hold() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held = true
}

// full reports whether the broker has nothing more to send before it hears of an ack.
func (a *answers) full() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.book.unacked >= a.window
}

// deliver enters a delivery. An error means that one before it never reached us, and the session is
// of no use.
func (a *answers) deliver(tag uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.book.deliver(tag) {
		return fmt.Errorf("delivery %d came where %d was due", tag, a.book.next)
	}
	return nil
}

// ack notes that a delivery is finished. It writes only where enough has been collected.
func (a *answers) ack(tag uint64) error {
	a.mu.Lock()
	if a.ended {
		a.mu.Unlock()
		return ErrSessionLost
	}
	if !a.book.finish(tag) {
		a.mu.Unlock()
		return ErrAnswered
	}
	finished := len(a.book.finished)
	due := !a.held && (flushDue(a.window, a.book.unacked, finished) || a.idle())
	a.mu.Unlock()
	if due {
		return a.flush()
	}
	if finished == 1 {
		select {
		case a.first <- struct{}{}:
		default: // the one before is still there: sooner is as good
		}
	}
	return nil
}

// requeue gives a delivery back, at once.
func (a *answers) requeue(tag uint64) error {
	return a.answer(tag, func() error { return a.channel.Nack(tag, false, true) })
}

// reject has the broker dead-letter a delivery, at once.
func (a *answers) reject(tag uint64) error {
	return a.answer(tag, func() error { return a.channel.Reject(tag, false) })
}

func (a *answers) answer(tag uint64, send func() error) error {
	a.wire.Lock()
	defer a.wire.Unlock()
	a.mu.Lock()
	ended := a.ended
	known := !ended && a.book.answer(tag)
	a.mu.Unlock()
	switch {
	case ended:
		return ErrSessionLost
	case !known:
		return ErrAnswered
	}
	return lost(send())
}

// flush writes the acks of all that is finished, held or not.
func (a *answers) flush() error {
	a.wire.Lock()
	defer a.wire.Unlock()
	a.mu.Lock()
	frames := a.book.flush()
	a.flushed = time.Now()
	a.mu.Unlock()
	return lost(a.write(frames))
}

// idle reports whether all that was delivered is finished and no ack was written lately: where tasks
// come one by one there is nothing to wait for. The caller holds mu.
func (a *answers) idle() bool {
	return a.book.unacked == len(a.book.finished) && time.Since(a.flushed) >= ackDelay
}

// write writes frames, several of them in one piece: the library writes each by itself. The caller
// holds wire.
func (a *answers) write(frames []ackFrame) (err error) {
	if len(frames) > 1 {
		a.socket.cork()
		defer func() { err = errors.Join(err, a.socket.uncork()) }()
	}
	for _, frame := range frames {
		if err := a.channel.Ack(frame.tag, frame.multiple); err != nil {
			return err
		}
	}
	return nil
}

// flushInTime writes acks that have waited for ackDelay, until stop is closed.
func (a *answers) flushInTime(stop <-chan struct{}) {
	timer := time.NewTimer(ackDelay)
	defer timer.Stop()
	for {
		select {
		case <-a.first:
		case <-stop:
			return
		}
		timer.Reset(ackDelay)
		select {
		case <-timer.C:
			if a.holds() {
				continue // who ends that flushes
			}
			_ = a.flush() // where it fails the session is lost, which the session's reader tells of
		case <-stop:
			return
		}
	}
}

func (a *answers) holds() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.held
}

// end takes nothing any more. What is finished and not written may still be flushed.
func (a *answers) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
}

// lost tells what a write that failed means to the delivery.
func lost(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrSessionLost, err)
}
