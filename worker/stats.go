package worker

// QueueStats is how a worker is doing with one of its queues at a moment.
type QueueStats struct {
	Name string
	// Running is how many tasks run, of Concurrency that may at a time.
	Running     int
	Concurrency int
	// Held is how many deliveries wait here to be run: for a slot, their time, or their pattern's limit.
	Held int
	// Prefetch is how many deliveries the worker may hold, running ones included; 0 while it does not
	// consume because it has not begun or stops.
	Prefetch int
	// Paused says that the queue is paused: what had not begun has gone back.
	Paused bool
}

// Stats returns the numbers of each queue, in the order of the configuration. It may be called at any time,
// before Run and after it too, and blocks for no more than a look at what is held.
func (w *Worker) Stats() []QueueStats {
	stats := make([]QueueStats, len(w.queues))
	for i, q := range w.queues {
		stats[i] = QueueStats{
			Name: q.cfg.Name, Running: int(q.running.Load()), Concurrency: q.cfg.Concurrency,
			Held: q.buffer.count(), Paused: q.halted.Load(),
		}
		if w.ready.Load() { // else there may be no consumer yet
			stats[i].Prefetch = q.consumer.Prefetch()
		}
	}
	return stats
}
