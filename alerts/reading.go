package alerts

import "time"

// Reading is what is known of queues and schedulers at a moment. A nil pointer is what is not known.
type Reading struct {
	// Queues are the configured ones.
	Queues []Queue
	// Parked is how many tasks lie in the queue of those that no queue wanted.
	Parked *int
	// Entries is how many entries the schedule has, Led whether a scheduler leads.
	Entries int
	Led     *bool
}

// Queue is what is known of one queue.
type Queue struct {
	Name string
	// Missing says that RabbitMQ has no such queue: then Ready and Consumers count as 0.
	Missing bool
	// Ready tasks wait for a worker; Consumers are the workers. Dead is how many dead letters there are.
	Ready, Consumers, Dead *int
	// Paused queues are not to be consumed. Where that is not known, they are taken for not paused.
	Paused *bool
	// Work is what became of its tasks lately.
	Work *Work
}

// Work is what became of a queue's tasks over a time.
type Work struct {
	// Over is how long that time is: [Window], or less where less is known.
	Over time.Duration
	// Ended is how many attempts succeeded, are to be retried, or are dead; Failed the latter two.
	Ended, Failed int
	// Wait is how long those that began had waited on average since they were enqueued or, where that is
	// later, due; nil where none did.
	Wait *time.Duration
}

// FailureRate is the share of the attempts that failed, 0..1; 0 where none has ended.
func (w *Work) FailureRate() float64 {
	if w.Ended == 0 {
		return 0
	}
	return float64(w.Failed) / float64(w.Ended)
}
