package worker

import (
	"context"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// storePatience is how long the end of a batch's task waits for its event to be kept, before it is
// settled without.
const storePatience = 5 * time.Second

// telling has the recorder told of each start of the handler.
func (q *queue) telling(next tasks.Handler) tasks.Handler {
	if q.events == nil {
		return next
	}
	return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
		e := q.happened(tasks.Event{Kind: tasks.EventStarted, Task: t})
		e.Started = e.At
		q.events.Record(e)
		return next.HandleTask(ctx, t)
	})
}

// tellingProgress has the recorder told of each progress that goes out.
func (q *queue) tellingProgress(next func(*tasks.Task, tasks.ProgressEvent)) func(*tasks.Task, tasks.ProgressEvent) {
	if q.events == nil {
		return next
	}
	return func(t *tasks.Task, p tasks.ProgressEvent) {
		q.events.Record(q.happened(tasks.Event{Kind: tasks.EventProgress, Task: t, Percent: p.Percent, Note: p.Note}))
		next(t, p)
	}
}

// happened fills in when and where an event has happened, now and here.
func (q *queue) happened(e tasks.Event) tasks.Event {
	e.At, e.Worker = q.clock.Now(), q.settler.worker
	e.Pattern, _ = q.cfg.Mux.Match(e.Task)
	return e
}

// tell tells the recorder what was decided about a task whose turn came at a time, the zero time where
// it did not. Whoever waits for a batch counts its tasks in the history, so of these no event may be
// lost with the process: then it returns what stores the event, to be called before the task is settled.
// A process that dies between the two leaves the task to be run again, never one that is done and not
// told of.
func (q *queue) tell(it *item, d tasks.Decision, started time.Time) (store func()) {
	if q.events == nil {
		return nil
	}
	e := q.happened(tasks.EventOf(&it.task, d))
	e.Started = started
	if it.task.BatchID == "" || e.Kind == tasks.EventReturned {
		q.events.Record(e)
		return nil
	}
	return func() {
		patient, cancel := context.WithCancel(q.settling)
		defer cancel()
		defer q.clock.AfterFunc(storePatience, cancel).Stop()
		if err := q.events.Store(patient, e); err != nil {
			q.log.Warn("history does not have the end of a batch's task yet, it is settled all the same", "id", it.task.ID, "error", err)
		}
	}
}
