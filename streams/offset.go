package streams

import (
	"fmt"
	"time"
)

// Offset is where to begin to read a stream. The zero value is [First].
type Offset struct {
	word     string // first, next or last; empty for the zero value and where another field counts
	numbered bool
	number   uint64
	time     time.Time
}

// First is the oldest record that the stream still has.
func First() Offset { return Offset{word: "first"} }

// Next is the record that will be appended next.
func Next() Offset { return Offset{word: "next"} }

// Last is the newest chunk of the stream: some of its newest records, as many as RabbitMQ wrote at
// once.
func Last() Offset { return Offset{word: "last"} }

// At is the record with a number. Where it is gone already, the oldest that there is; where it has not
// been appended yet, the reader waits for it.
func At(number uint64) Offset { return Offset{numbered: true, number: number} }

// Since is the chunk that RabbitMQ wrote at a time or next after it, in whole seconds. A chunk holds
// what was written at once, so records may come that are a little older.
func Since(t time.Time) Offset { return Offset{time: t.Truncate(time.Second)} }

// Value is the offset as RabbitMQ's consumer argument x-stream-offset takes it: a word, an int64, or a
// time.
func (o Offset) Value() any {
	switch {
	case o.numbered:
		return int64(o.number)
	case !o.time.IsZero():
		return o.time
	case o.word != "":
		return o.word
	default:
		return "first"
	}
}

// Before reports whether a record with a number lies before the offset. Only of [At] can that be told;
// RabbitMQ begins with the chunk that holds the record.
func (o Offset) Before(number uint64) bool { return o.numbered && number < o.number }

// String is the offset for people.
func (o Offset) String() string { return fmt.Sprint(o.Value()) }
