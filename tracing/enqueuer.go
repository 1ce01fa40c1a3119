package tracing

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/warrenmq/warren/tasks"
)

// Next is what an [Enqueuer] stands before; broker.Client and broker.Entrance are.
type Next interface {
	tasks.Enqueuer
	tasks.ManyEnqueuer
}

// Enqueuer makes a span of each publish, a child of ctx's span, and gives the task to the next with that
// span's context in it. Make one with [New].
//
// A task whose TraceParent the caller has set, and that can be read, keeps it: it goes on in that trace,
// and the publish is only linked to it.
type Enqueuer struct {
	next Next
	publisher
}

// New returns an enqueuer that traces.
func New(next Next, config Config) *Enqueuer {
	return &Enqueuer{next: next, publisher: newPublisher(config)}
}

// Enqueue publishes the task. It returns what the next enqueuer's does, and blocks as that does.
func (e *Enqueuer) Enqueue(ctx context.Context, t tasks.Task) (string, error) {
	ctx, span := e.publish(ctx, &t)
	id, err := e.next.Enqueue(ctx, t)
	end(span, id, err)
	return id, err
}

// EnqueueMany publishes the tasks in one span, in which each has one of its own, whose context it
// carries. It returns what the next enqueuer's does, and blocks as that does.
func (e *Enqueuer) EnqueueMany(ctx context.Context, many []tasks.Task) []tasks.Enqueued {
	if len(many) == 0 {
		return e.next.EnqueueMany(ctx, many)
	}
	ctx, span := e.start(ctx, trace.SpanKindClient, operationPublish, typeSend, sharedKey(many), nil)
	defer span.End()
	if !span.SpanContext().IsValid() { // nobody traces
		return e.next.EnqueueMany(ctx, many)
	}
	traced := slices.Clone(many)
	for i := range traced {
		e.create(ctx, &traced[i])
	}
	outcomes := e.next.EnqueueMany(ctx, traced)
	if !span.IsRecording() {
		return outcomes
	}
	span.SetAttributes(keyMessageCount.Int(len(many)))
	if failed := failures(outcomes); len(failed) > 0 {
		fail(span, failed[0], fmt.Sprintf("%d of %d tasks were not published; the first: %s", len(failed), len(many), text(failed[0])))
	}
	return outcomes
}

func failures(outcomes []tasks.Enqueued) []error {
	var failed []error
	for _, outcome := range outcomes {
		if outcome.Err != nil {
			failed = append(failed, outcome.Err)
		}
	}
	return failed
}

// sharedKey is the routing key of tasks that all have the same.
func sharedKey(many []tasks.Task) string {
	key := many[0].Key
	for i := range many {
		if many[i].Key != key {
			return ""
		}
	}
	return key
}
