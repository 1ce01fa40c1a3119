// Package ledger is the scheduler's record of what it has emitted, over a stream: it owns the form of
// the records, the state that they add up to, how a new leader reads that state in bounded time, and
// how a leader writes on. It does not know what a timetable is nor when an entry is due, and of
// RabbitMQ it knows only what a stream is: what appends to one and reads it is given to it.
//
// # What the state is
//
// The state of an entry is a few maxima: the newest fire time that is settled (emitted or skipped), the
// newest task, the newest sight of the entry in a leader's configuration. Records are only ever merged
// into it, so their order does not matter, nor whether one comes twice, nor that one of an older term
// comes late: it says that a task went out, which is true, and moves nothing back.
//
// # How it is read in bounded time
//
// Now and then the writer repeats the state as a snapshot. Before, it reads what has been appended
// since it last did so, whoever appended it, and merges that: so the snapshot knows all that stands
// before some offset, which it names as read_from. What was appended while the snapshot was on its way
// stands behind that offset. So whoever reads from there on reads everything, and nothing has to be held
// back for a snapshot's sake. Nor need the writer learn where the snapshot itself stands, which AMQP
// does not tell: every record from then on names read_from, and so any one record near the stream's end
// says where to begin.
package ledger
