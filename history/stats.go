package history

// Stats is what a recorder has done with the events that its level keeps.
type Stats struct {
	// Kept is how many are in the stream, as far as RabbitMQ has confirmed them.
	Kept uint64
	// Dropped is how many are not and will not be: there was no room, they came after the recorder was
	// closed, or it had to stop before they were confirmed.
	Dropped uint64
	// Waiting is how many are about to be appended.
	Waiting int
}

// Stats returns the recorder's numbers. It does not wait for what is being appended.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{Kept: r.kept, Dropped: r.dropped, Waiting: r.buffer.next.lines + r.buffer.underway}
}
