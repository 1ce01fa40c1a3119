package worker

// Waiting is how many tasks of its queues the worker has received that have not begun.
func (w *Worker) Waiting() int {
	waiting := 0
	for _, q := range w.queues {
		q.buffer.mu.Lock()
		waiting += q.buffer.size()
		q.buffer.mu.Unlock()
	}
	return waiting
}
