package tasks

import (
	"context"
	"encoding/json"
)

// Enqueued is what became of one of many tasks that were to be published.
type Enqueued struct {
	// ID is the task's, beside an error too where the task got as far as having one.
	ID string
	// Err is what Enqueue would have returned for the task, nil where it is safe in its queue.
	Err error
}

// ManyEnqueuer publishes many tasks at once. broker.Client is one.
type ManyEnqueuer interface {
	// EnqueueMany returns the outcome of each task, under the task's own index.
	EnqueueMany(ctx context.Context, many []Task) []Enqueued
}

// EnqueueEach publishes what a function makes of each task, and returns the outcome of each under the
// task's own index. A task that the function returns an error for is not published and has that error,
// whatever becomes of the others. It blocks as the enqueuer's EnqueueMany does; where nothing is left to
// publish, nothing is asked of it. It is for an enqueuer that stands before another.
func EnqueueEach(ctx context.Context, to ManyEnqueuer, many []Task, each func(Task) (Task, error)) []Enqueued {
	outcomes := make([]Enqueued, len(many))
	left := make([]Task, 0, len(many))
	index := make([]int, 0, len(many)) // of the task that one of left is made of
	for i, t := range many {
		made, err := each(t)
		if err != nil {
			outcomes[i] = Enqueued{ID: t.ID, Err: err}
			continue
		}
		left, index = append(left, made), append(index, i)
	}
	if len(left) == 0 {
		return outcomes
	}
	for i, outcome := range to.EnqueueMany(ctx, left) {
		outcomes[index[i]] = outcome
	}
	return outcomes
}

// EnqueueMany publishes one task for each payload, with the same options, and returns the outcome of
// each under the payload's own index. It blocks as the enqueuer's EnqueueMany does. A payload that
// cannot be JSON has an error that is [ErrInvalidTask], and so has each of several payloads that are
// to have one [ID]; the rest are the enqueuer's. What can be published is, whatever becomes of the
// others. Without payloads nothing is asked of the enqueuer.
func (d Definition[T]) EnqueueMany(ctx context.Context, to ManyEnqueuer, payloads []T, opts ...EnqueueOption) []Enqueued {
	outcomes := make([]Enqueued, len(payloads))
	many := make([]Task, 0, len(payloads))
	index := make([]int, 0, len(payloads)) // of the payload that a task is made of
	for i, payload := range payloads {
		t, err := d.task(payload, opts)
		if err == nil && t.ID != "" && len(payloads) > 1 {
			err = invalid("id", "%d tasks cannot share the ID %q", len(payloads), t.ID)
		}
		if err != nil {
			outcomes[i].Err = err
			continue
		}
		many, index = append(many, t), append(index, i)
	}
	if len(many) == 0 {
		return outcomes
	}
	for i, outcome := range to.EnqueueMany(ctx, many) {
		outcomes[index[i]] = outcome
	}
	return outcomes
}

func (d Definition[T]) task(payload T, opts []EnqueueOption) (Task, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return Task{}, invalid("payload", "%v", err)
	}
	t := Task{Key: d.key, Payload: body}
	for _, opt := range opts {
		opt(&t)
	}
	return t, nil
}
