package history

import (
	"context"
	"time"
)

// run appends flights until the recorder is closed and all is kept, or ctx is done.
func (r *Recorder) run(ctx context.Context) {
	for r.await() {
		r.fly(ctx)
	}
	for r.fly(ctx) { // what is left, and the gap of what was dropped meanwhile
	}
}

// await waits until a flight may leave. It returns false once the recorder is closed.
func (r *Recorder) await() bool {
	select {
	case <-r.began:
	case <-r.closing:
		return false
	}
	timer := r.cfg.Clock.NewTimer(r.cfg.Interval)
	defer timer.Stop()
	select {
	case <-timer.Chan():
	case <-r.wake:
	case <-r.closing:
		return false
	}
	return true
}

// fly appends what has been collected. It returns false where there was nothing, or it was given up.
func (r *Recorder) fly(ctx context.Context) bool {
	f := r.depart()
	if f.events == 0 {
		return false
	}
	err := r.append(ctx, f)
	f.err = err
	r.mu.Lock()
	r.buffer.under, r.buffer.underway = 0, 0
	if err != nil {
		r.lost += f.events
		r.dropped += uint64(f.lines)
	} else {
		r.kept += uint64(f.lines)
	}
	close(r.room)
	r.room = make(chan struct{})
	r.mu.Unlock()
	close(f.done)
	return err == nil
}

// depart takes what has been collected, with a gap at its end where events were dropped.
func (r *Recorder) depart() *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if dropped := r.buffer.dropped; dropped > 0 {
		gap := Event{At: r.buffer.droppedAt, Event: Gap, Worker: r.buffer.droppedBy, Count: dropped, Note: "more came than could be kept"}
		r.buffer.add(append(gap.append(nil), '\n'))
		r.buffer.next.events += dropped - 1 // nobody hears of them where the gap is lost
		r.buffer.next.lines--
		r.buffer.dropped = 0
		r.cfg.Log.Error("events of the history were dropped", "count", dropped, "since", r.buffer.droppedAt)
	}
	return r.buffer.depart()
}

// append appends a flight, again until it is confirmed or ctx is done.
func (r *Recorder) append(ctx context.Context, f *flight) error {
	failed := false
	for wait := backoffMin; ; wait = min(2*wait, backoffMax) {
		err := r.to.Append(ctx, r.cfg.Stream, f.bodies...)
		r.mu.Lock()
		r.failure = err
		r.mu.Unlock()
		if err == nil {
			if failed {
				r.cfg.Log.Info("history is kept again")
			}
			return nil
		}
		if ctx.Err() != nil {
			r.cfg.Log.Error("events of the history may be lost, the time to keep them is over", "count", f.events, "error", err)
			return err
		}
		if !failed {
			r.cfg.Log.Warn("history cannot be kept, it is tried again", "events", f.events, "error", err)
			failed = true
		}
		r.pause(ctx, wait)
	}
}

func (r *Recorder) pause(ctx context.Context, d time.Duration) {
	timer := r.cfg.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.Chan():
	case <-ctx.Done():
	}
}
