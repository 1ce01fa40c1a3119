package broker

import "time"

// ackBook knows which of a channel's deliveries are still to be answered, and with which frames the
// broker is told of those that are finished. It is pure and not safe for concurrent use.
//
// A channel's delivery tags are contiguous from 1, so the book is a ring of states, and what a
// delivery costs does not depend on how many there are.
type ackBook struct {
	base     uint64     // the lowest tag that is not answered, or next
	next     uint64     // the tag of the next delivery
	states   []tagState // those of base..next-1, at the tag modulo the length, a power of two
	finished []uint64   // finished and not written, in the order in which they finished
	unacked  int        // delivered, and not answered on the wire
	frames   []ackFrame // what flush last returned
}

type tagState uint8

const (
	tagDelivered tagState = iota
	tagFinished           // to be acked with the next flush
	tagAnswered           // on the wire, one way or another
)

// ackFrame is one basic.ack.
type ackFrame struct {
	tag      uint64
	multiple bool // it stands for every lower tag too
}

func newAckBook() *ackBook {
	return &ackBook{base: 1, next: 1, states: make([]tagState, 16)}
}

// deliver enters a delivery. It is false where the tag is not the one that follows the last: then
// there is a delivery that nobody has, which a multiple ack would take for finished.
func (b *ackBook) deliver(tag uint64) bool {
	if tag != b.next {
		return false
	}
	if b.next-b.base == uint64(len(b.states)) {
		b.grow()
	}
	*b.state(tag) = tagDelivered
	b.next++
	b.unacked++
	return true
}

func (b *ackBook) grow() {
	larger := make([]tagState, 2*len(b.states))
	for tag := b.base; tag < b.next; tag++ {
		larger[tag&uint64(len(larger)-1)] = *b.state(tag)
	}
	b.states = larger
}

func (b *ackBook) state(tag uint64) *tagState { return &b.states[tag&uint64(len(b.states)-1)] }

// open reports whether a delivery is still to be answered.
func (b *ackBook) open(tag uint64) bool {
	return b.base <= tag && tag < b.next && *b.state(tag) == tagDelivered
}

// finish notes that a delivery is to be acked. It is false where the delivery has been dealt with
// before.
func (b *ackBook) finish(tag uint64) bool {
	if !b.open(tag) {
		return false
	}
	*b.state(tag) = tagFinished
	b.finished = append(b.finished, tag)
	return true
}

// answer notes that a delivery is answered otherwise, by a frame of its own. It is false where the
// delivery has been dealt with before.
func (b *ackBook) answer(tag uint64) bool {
	if !b.open(tag) {
		return false
	}
	*b.state(tag) = tagAnswered
	b.unacked--
	for b.base < b.next && *b.state(b.base) == tagAnswered {
		b.base++
	}
	return true
}

// flush returns the frames that ack all that is finished, valid until the next flush: one for the
// tags below the first unfinished one, and one for each beyond. The broker does not know a tag any
// more that was answered, so the multiple one names the highest that is finished.
func (b *ackBook) flush() []ackFrame {
	b.frames = b.frames[:0]
	var upTo uint64
	for ; b.base < b.next && *b.state(b.base) != tagDelivered; b.base++ {
		if *b.state(b.base) == tagFinished {
			upTo = b.base
		}
	}
	if upTo > 0 {
		b.frames = append(b.frames, ackFrame{tag: upTo, multiple: true})
	}
	for _, tag := range b.finished {
		if tag > b.base {
			*b.state(tag) = tagAnswered
			b.frames = append(b.frames, ackFrame{tag: tag})
		}
	}
	b.unacked -= len(b.finished)
	b.finished = b.finished[:0]
	return b.frames
}

// ackDelay is how long an ack may wait for others to be written with it.
const ackDelay = 4 * time.Millisecond

// flushDue reports whether acks are to be written at once rather than after ackDelay, where a window
// of deliveries may be unacked, so many are, and of these so many are finished. Where the window is
// full the broker sends nothing until it hears of acks; a sixty-fourth of it is what a write is
// worth then.
func flushDue(window, unacked, finished int) bool {
	return finished >= max(1, window/4) || unacked >= window && finished >= max(1, window/64)
}
