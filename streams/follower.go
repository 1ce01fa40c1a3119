package streams

// Follower takes a stream as package broker follows it: session after session, each from the first
// record that the stream still has. Its methods are called one at a time, and not by two goroutines at
// once. While one blocks nothing more is read.
type Follower interface {
	// Begin is called when a session has its first record, with that one's offset, whatever the record is:
	// 0 tells that nothing is gone. All that was delivered before will be again, or is gone.
	Begin(offset uint64)
	// Deliver takes each record from there on, in order, each once a session.
	Deliver(r Record)
	// CaughtUp is called once a session, when all has been delivered that was there when it began.
	CaughtUp()
	// Lost is called at the end of each session, and for each that a connection was made for and that could
	// not begin, with why.
	Lost(reason error)
}
