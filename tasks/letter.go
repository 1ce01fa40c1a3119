package tasks

import "sync/atomic"

// Letter is a message that lies in a dead-letter queue or in the unrouted queue, in the hands of
// somebody who sifts the queue: each letter is to be answered, by Remove or by Leave, once, at any
// time and from any goroutine. Package broker makes them.
type Letter struct {
	Message Message
	// Unreadable says why the message's headers cannot be read; Message then has none of its own. Such
	// a letter must not be published again: what its headers said would be lost.
	Unreadable error

	answer   func(remove bool) error
	answered atomic.Bool
}

// NewLetter returns a letter for its answer, of which answer is told once at most.
func NewLetter(m Message, unreadable error, answer func(remove bool) error) *Letter {
	return &Letter{Message: m, Unreadable: unreadable, answer: answer}
}

// Shown returns the message as it is shown: headers that cannot be read are told of where the text of
// a dead letter's error is.
func (l *Letter) Shown() Message {
	m := l.Message
	if l.Unreadable != nil {
		m.Headers = map[string]any{HeaderError: l.Unreadable.Error()}
	}
	return m
}

// Remove takes the letter out of its queue for good. An error means that it was not taken out: the
// connection that it came by is lost, or the sifting is over, and it is in its queue again. After the first
// answer a call has no effect and returns nil.
func (l *Letter) Remove() error { return l.settle(true) }

// Leave leaves the letter where it lay. After the first answer a call has no effect.
func (l *Letter) Leave() { _ = l.settle(false) } // what fails has left it

func (l *Letter) settle(remove bool) error {
	if !l.answered.CompareAndSwap(false, true) {
		return nil
	}
	return l.answer(remove)
}
