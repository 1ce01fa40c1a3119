// Package lease decides which of several schedulers leads. It owns the records of the stream warren.lease,
// the state that they add up to, and when this process believes that it leads. It does not know what a leader does,
// nor how a stream is read.
//
// All schedulers append to one stream and read it; its order is the same for all of them, and what they
// conclude from it is a pure function of that order. So they agree on who holds which term:
//
//   - A claim of the next term counts where it names the last record that counted: the first one does, and
//     none that a renewal precedes which its writer had not read.
//   - A renewal and a resignation count where they are those of the term's holder.
//   - Everything else is void.
//
// What they need not agree on is the time. A holder leads for one lease, counted from when the newest of
// its own records that it has read back was SENT. Another claims when it has RECEIVED no record that counts for a
// lease and a margin. That the two never overlap:
//
//	holder     sent s --------- lease ---------> leads no more
//	stream            r                                          claim, which names r
//	another             received ------ lease + margin ------> sent, not sooner
//
// Let r be the last record that counts before the claim. Its holder has sent it before the other received it, so it
// is done a margin before the claim is sent. If the holder has appended another renewal, either that
// precedes the claim, which is void then, or it follows the claim and is void itself: it is never read
// back as one that counts. The margin is there for clocks that do not run alike; 250 ms of 2 s are 6 %
// between the two, where the clocks of machines differ by less than 0.1 %.
//
// It does not matter how long an append takes, whether it is lost or lands twice or hours later: a record that is
// read back counts from when it was first sent. Nor does it matter how far behind somebody reads.
//
// The holder's own time goes by whichever of its clocks has gone further (type instant), the wait of the
// others by the monotonic one, which is never ahead: a machine that sleeps, or a wall clock that is
// set, makes a holder give up too soon, or others wait for longer, and nothing else. What cannot be told is a
// machine that is stopped together with both its clocks, as a virtual one that is paused, and a wall clock that is put
// back and a sleep after it between two looks at the clocks, which are 50 ms apart.
//
// A stream that was trimmed begins somewhere in the middle, and its reader does not know the state there. It
// does again with the first record that names one that the reader has: nobody writes who does not know the
// state, and each names the last that counted. That is so by induction as long as only schedulers write
// to the stream, which RabbitMQ's permissions are for: a forged record could make two readers disagree.
// Until then a reader claims nothing.
//
// The pure part is type state, a fold, and type election, a state machine; a model check has some processes
// with their clocks and a stream go through all that can go wrong (world_acts_test.go). [Lease] runs it.
package lease
