package worker

import (
	"context"
	"time"

	"github.com/warrenmq/warren/tasks"
)

func (q *queue) name() string { return q.cfg.Name }

// revoke ends what this queue has of a task: one that runs has its context cancelled, one that waits is
// dead without being run. What comes later is asked for when it comes.
func (q *queue) revoke(id string, why error) {
	q.works.cancel(id, why)
	for _, it := range q.buffer.remove(func(it *item) bool { return it.task.ID == id }) {
		if q.works.start(it) { // else RabbitMQ gives it out again
			q.settle(it, revoked(why), time.Time{}, 0)
		}
	}
}

// refuse settles a task that is revoked, and returns false where it is not.
func (q *queue) refuse(it *item) bool {
	err := q.isRevoked(it.task.ID)
	if err != nil {
		q.conclude(it, revoked(err))
	}
	return err != nil
}

func revoked(err error) tasks.Decision {
	return tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonRevoked, Err: err}
}

// pause stops the queue's deliveries and gives back what has not begun; what runs goes on. It returns
// false where it is paused already, or stops. ctx bounds the wait for the broker.
func (q *queue) pause(ctx context.Context) bool {
	if q.draining.Load() || q.halted.Load() {
		return false
	}
	q.buffer.hold(true)
	ctx, cancel := context.WithTimeout(ctx, consumerCancelTimeout)
	defer cancel()
	if err := q.consumer.Pause(ctx); err != nil {
		q.log.Warn("consumer not paused cleanly", "error", err)
	}
	q.halted.Store(true)
	q.giveBack(q.buffer.remove(all))
	return true
}

// resume has the queue go on after pause.
func (q *queue) resume() bool {
	if q.draining.Load() || !q.halted.Swap(false) {
		return false
	}
	q.buffer.hold(false)
	q.consumer.Resume()
	return true
}

func all(*item) bool { return true }
