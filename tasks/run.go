package tasks

import (
	"context"
	"sync"
)

// run is the handler's context of one task: it carries the task, and collects what the handler gives
// besides its error. It is one allocation, and a task that gives nothing has no other.
type run struct {
	context.Context
	task     *Task
	executor *Executor // who listens to progress; nil for nobody

	mu       sync.Mutex
	ended    bool // nothing is taken any more
	result   *Result
	progress *throttle // nil until something is told
	trace    *RunTrace // nil where nobody traces
}

type (
	taskKey struct{}
	runKey  struct{}
)

// Value answers for the task and for the run itself.
func (r *run) Value(key any) any {
	switch key.(type) {
	case taskKey:
		return r.task
	case runKey:
		return r
	default:
		return r.Context.Value(key)
	}
}

// ContextWithTask returns a context that carries the task that is run under it. Within a handler's
// context, as in a middleware that hands on a task of its own making, results and progress go on to
// be those of the handler's task. Outside of one it is a context for a handler that is tried without
// an executor: [ResultFrom] gives its result.
func ContextWithTask(ctx context.Context, t *Task) context.Context {
	if runFrom(ctx) != nil {
		return context.WithValue(ctx, taskKey{}, t)
	}
	return &run{Context: ctx, task: t}
}

// FromContext returns the task that a handler's context was made for. The second result is false
// outside of a handler.
func FromContext(ctx context.Context) (*Task, bool) {
	t, ok := ctx.Value(taskKey{}).(*Task)
	return t, ok
}

// runFrom returns the run of a handler's context, nil outside of one.
func runFrom(ctx context.Context) *run {
	r, _ := ctx.Value(runKey{}).(*run)
	return r
}

// takeResult returns the result and takes no other.
func (r *run) takeResult() *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	return r.result
}

// end takes nothing any more. The progress that was told last and held back is told by the time that
// it returns, and so is whoever traces a run that nobody decided about.
func (r *run) end() {
	r.traced(Decision{})
	r.mu.Lock()
	r.ended = true
	progress := r.progress
	r.mu.Unlock()
	if progress != nil {
		progress.end()
	}
}
