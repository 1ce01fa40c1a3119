package tasks

import "context"

// RunTrace is what middleware that traces runs tells of one, and wants to be told.
type RunTrace struct {
	// TraceParent is the W3C traceparent of the run's own span. The next run of the work, be it a retry
	// or that of a replayed dead letter, finds it in [Task.PreviousAttempt].
	TraceParent string
	// Decided is called with what was decided about the task, once the handler has returned or panicked
	// and before Execute returns. The error in it is the one that a dead letter would tell: sealed where
	// the task is encrypted. Of a handler that ends its goroutine (runtime.Goexit) nothing is
	// decided here: it is told of a Requeue. It must not block or panic.
	Decided func(Decision)
}

// TraceRun says how the run of ctx is traced. It returns false, and Decided is not called, outside of
// an executor and where the run is traced already.
func TraceRun(ctx context.Context, trace RunTrace) bool {
	r := runFrom(ctx)
	if r == nil || r.executor == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.trace != nil {
		return false
	}
	r.trace = &trace
	return true
}

// traced tells whoever traces the run of a decision, and returns it with the run's trace.
func (r *run) traced(d Decision) Decision {
	r.mu.Lock()
	trace := r.trace
	r.trace = nil
	r.mu.Unlock()
	if trace != nil {
		d.TraceParent = trace.TraceParent
		trace.Decided(d)
	}
	return d
}
