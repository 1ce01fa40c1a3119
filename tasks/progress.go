package tasks

import (
	"context"
	"math"
	"sync"
	"time"
)

const (
	// ProgressInterval is the least time between two events of a task's progress.
	ProgressInterval = 500 * time.Millisecond
	// MaxNoteBytes bounds the note of a progress; what is longer loses its middle.
	MaxNoteBytes = 256
	// maxReplyNoteBytes bounds the note of a progress that comes from another: one that was encrypted is longer.
	maxReplyNoteBytes = 2 * MaxNoteBytes
)

// ProgressEvent is how far a task has come.
type ProgressEvent struct {
	// Percent is within 0..100.
	Percent float64 `json:"percent"`
	// Note is a line for people, at most MaxNoteBytes bytes, of valid UTF-8; longer where middleware
	// has sealed it.
	Note string `json:"note,omitempty"`
}

// Progress tells how far the task that is run under ctx has come: a percentage, brought to 0..100,
// and a line for people, which may be empty. A percentage that is NaN is ignored. Events go out at
// most every ProgressInterval; what is told meanwhile waits, the newest in place of the one before,
// and the last one goes out when the handler returns. It does nothing outside of a handler and after
// the handler has returned. It is safe for use by any number of goroutines, does not wait for the
// broker, and cannot fail.
func Progress(ctx context.Context, percent float64, note string) {
	r := runFrom(ctx)
	if r == nil || math.IsNaN(percent) {
		return
	}
	p := r.throttle()
	if p == nil {
		return
	}
	seal, _ := ctx.Value(progressKey{}).(func(ProgressEvent) ProgressEvent)
	p.tell(ProgressEvent{Percent: min(max(percent, 0), 100), Note: Cut(note, MaxNoteBytes)}, seal)
}

type progressKey struct{}

// ContextWithProgress returns a handler's context whose progress goes through f before it goes out,
// so that middleware can change it, as one that seals notes does. Only what goes out does, so f may be
// slow, but must not block; of several the innermost comes first. A panic of f loses the event.
func ContextWithProgress(ctx context.Context, f func(ProgressEvent) ProgressEvent) context.Context {
	if outer, ok := ctx.Value(progressKey{}).(func(ProgressEvent) ProgressEvent); ok {
		inner := f
		f = func(e ProgressEvent) ProgressEvent { return outer(inner(e)) }
	}
	return context.WithValue(ctx, progressKey{}, f)
}

// throttle returns what the run's progress is told to, nil where nobody listens or it has ended.
func (r *run) throttle() *throttle {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.executor == nil || r.executor.Progress == nil {
		return nil
	}
	if r.progress == nil {
		filled := r.executor.WithDefaults()
		r.progress = &throttle{executor: &filled, task: r.task}
	}
	return r.progress
}

// throttle lets the progress of one task out, an event each ProgressInterval.
type throttle struct {
	executor *Executor
	task     *Task

	mu    sync.Mutex // held while an event goes out, so that they keep their order
	held  *ProgressEvent
	seal  func(ProgressEvent) ProgressEvent // of held; nil for none
	stop  func() bool                       // of the timer that ends the interval; nil while none runs
	ended bool
}

func (p *throttle) tell(e ProgressEvent, seal func(ProgressEvent) ProgressEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.held, p.seal = &e, seal
	if p.stop == nil {
		p.release()
	}
}

// release lets out what is held, and has an interval begin. The caller holds the lock.
func (p *throttle) release() {
	p.stop = nil
	if p.held == nil {
		return
	}
	p.emit()
	p.stop = p.executor.AfterFunc(ProgressInterval, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.ended {
			p.release()
		}
	})
}

// emit hands over what is held. It may be in a timer's goroutine, which nobody recovers.
func (p *throttle) emit() {
	e, seal := *p.held, p.seal
	p.held, p.seal = nil, nil
	defer func() {
		if r := recover(); r != nil {
			p.executor.logPanic("progress panicked, the event is lost", p.task, r)
		}
	}()
	if seal != nil {
		e = seal(e)
	}
	p.executor.Progress(p.task, e)
}

// end lets out what is held, and nothing after it.
func (p *throttle) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.stop != nil {
		p.stop()
	}
	if p.held != nil {
		p.emit()
	}
}
