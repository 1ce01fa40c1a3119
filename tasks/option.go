package tasks

import "time"

// EnqueueOption sets something of a task that is to be published. What is out of bounds is
// reported by Enqueue. Of two options for one thing the last holds. An option may be used for any
// number of tasks: times that count from now count from each Enqueue.
type EnqueueOption func(*Task)

// Delay has the task run after d, at most routing.MaxDelay.
func Delay(d time.Duration) EnqueueOption {
	return func(t *Task) { t.NotBefore = time.Now().Add(d) }
}

// At has the task run at a time, at most routing.MaxDelay ahead.
func At(at time.Time) EnqueueOption { return func(t *Task) { t.NotBefore = at } }

// ExpiresIn has the task be a dead letter where it is not started within d.
func ExpiresIn(d time.Duration) EnqueueOption {
	return func(t *Task) { t.ExpiresAt = time.Now().Add(d) }
}

// ExpiresAt has the task be a dead letter where it is not started before a time.
func ExpiresAt(at time.Time) EnqueueOption { return func(t *Task) { t.ExpiresAt = at } }

// Priority sets the priority, MinPriority..MaxPriority, the highest first.
func Priority(p int) EnqueueOption { return func(t *Task) { t.Priority = p } }

// ID sets the task's ID, at most MaxIDBytes bytes. Publishing a task again under its ID, after an
// error that left open whether it arrived, lets the worker tell that it is the same.
func ID(id string) EnqueueOption { return func(t *Task) { t.ID = id } }

// MaxAttempts overrides the queue's number of attempts, 1..MaxMaxAttempts.
func MaxAttempts(n int) EnqueueOption { return func(t *Task) { t.MaxAttempts = n } }

// Timeout overrides the queue's timeout, 1 ms..MaxTimeout.
func Timeout(d time.Duration) EnqueueOption { return func(t *Task) { t.Timeout = d } }

// Header adds a foreign header; its name may not begin with HeaderPrefix.
func Header(name string, value any) EnqueueOption {
	return func(t *Task) {
		if t.Headers == nil {
			t.Headers = map[string]any{}
		}
		t.Headers[name] = value
	}
}

// CorrelationID sets AMQP's correlation_id, at most MaxIDBytes bytes: what the task belongs to.
func CorrelationID(id string) EnqueueOption { return func(t *Task) { t.CorrelationID = id } }

// ReplyTo sets AMQP's reply_to, at most MaxIDBytes bytes: the queue that an answer goes to.
func ReplyTo(queue string) EnqueueOption { return func(t *Task) { t.ReplyTo = queue } }

// Type sets AMQP's type, at most MaxIDBytes bytes: the name of the payload's type, for whoever wants
// one beside the routing key.
func Type(name string) EnqueueOption { return func(t *Task) { t.Type = name } }

// AppID sets AMQP's app_id, at most MaxIDBytes bytes: the program that enqueues.
func AppID(id string) EnqueueOption { return func(t *Task) { t.AppID = id } }

// Trace sets the W3C trace context that the task is run under; state may be empty.
func Trace(parent, state string) EnqueueOption {
	return func(t *Task) { t.TraceParent, t.TraceState = parent, state }
}

// HandleOption sets how the tasks of one pattern are handled. What is out of bounds is reported by
// [Mux.Err]. The last option of a kind holds.
type HandleOption func(*muxEntry)

// MaxConcurrency bounds [Concurrency].
const MaxConcurrency = 10_000

// Concurrency has a worker run at most n tasks of the pattern at a time, 1..MaxConcurrency, within
// the concurrency of their queue. It holds for each worker process. What is beyond it waits for its
// turn without keeping the queue's other tasks waiting. Without it the queue's is the only limit.
func Concurrency(n int) HandleOption {
	return func(e *muxEntry) { e.limit, e.limited = n, true }
}
