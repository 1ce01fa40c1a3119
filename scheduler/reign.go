package scheduler

import (
	"context"
	"sync"

	"github.com/go-co-op/gocron/v2"

	"github.com/warrenmq/warren/scheduler/ledger"
)

// term is what a reign needs of a term of the lease; lease.Term is one.
type term interface {
	// Number is the term's own.
	Number() uint64
	// Context ends with the term.
	Context() context.Context
	// Check returns an error once the term has ended, whether or not its context has.
	Check() error
	// Release says that nothing will be published any more.
	Release()
}

// reign is what a scheduler does in one term: an emitter for each entry, the ledger that they write,
// and the clock that wakes them.
type reign struct {
	*Scheduler
	term       term
	leading    context.Context // ends with the term, and when the scheduler stops
	publishing context.Context // ends with the term, and some time after the scheduler stops
	book       *ledger.Writer
	clock      gocron.Scheduler
	stops      []context.CancelFunc       // of the emitters at work
	ends       map[string]<-chan struct{} // closed when the newest emitter of an identity has ended
	emitters   sync.WaitGroup
}

// lead emits ticks until the term ends or ctx is done, and returns when nothing is published any more:
// in the second case what is due is published within the grace. It returns an error where it could not
// begin; then nothing was published, and another scheduler may try.
func (s *Scheduler) lead(ctx context.Context, t term) error {
	defer t.Release()
	leading, stop := context.WithCancel(t.Context())
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	publishing, cancel := context.WithCancel(t.Context())
	defer cancel()

	r := reign{Scheduler: s, term: t, leading: leading, publishing: publishing, ends: map[string]<-chan struct{}{}}
	err := r.run()
	r.wait(cancel)
	if leading.Err() != nil {
		return nil // it could not be helped
	}
	s.config.Log.Error("the scheduler leads and cannot emit", "term", t.Number(), "error", err)
	return err
}

// run reads the ledger and has the entries emitted, those of now and after each change the new ones,
// until it leads no longer. It returns an error where it cannot go on.
func (r *reign) run() error {
	stream := r.config.Names.Schedule()
	state, err := ledger.Load(r.leading, r.config.Streams, stream, r.config.Clock.Now())
	if err != nil {
		return err
	}
	r.book, err = ledger.NewWriter(state, r.config.Streams, ledger.Config{
		Stream: stream, Term: r.term.Number(), Scheduler: r.lease.Holder(), Clock: r.config.Clock, Log: r.config.Log,
	})
	if err != nil {
		return err
	}
	for r.leading.Err() == nil {
		entries, changed := r.current()
		if err := r.take(entries); err != nil {
			return err
		}
		select {
		case <-r.leading.Done():
		case <-changed:
		}
	}
	return nil
}

// take has the entries of a configuration emitted, in place of those before. Who had an entry before
// ends between two ticks, and who has it now begins then.
func (r *reign) take(entries []scheduled) error {
	known := make([]ledger.Known, len(entries))
	for i, p := range entries {
		known[i] = ledger.Known{Entry: p.Identity(), Name: p.Name, Timetable: p.timetable.String()}
	}
	if err := r.book.Know(r.leading, known...); err != nil {
		return err
	}
	r.stopAll()
	emitters := make([]*emitter, len(entries))
	for i, p := range entries {
		e := r.emitter(p)
		r.ends[p.Identity()] = e.done
		emitters[i] = e
		ctx, stop := context.WithCancel(r.leading)
		r.stops = append(r.stops, stop)
		r.emitters.Go(func() {
			defer stop()
			e.run(ctx, r.publishing)
		})
	}
	var err error
	if r.clock, err = startClock(emitters, r.elector, r.config.Clock); err != nil {
		return err
	}
	r.config.Log.Info("emitting ticks", "entries", len(entries), "term", r.term.Number())
	return nil
}

func (r *reign) emitter(p scheduled) *emitter {
	return &emitter{
		scheduled: p, term: r.term, book: r.book, enqueuer: r.config.Enqueuer, clock: r.config.Clock, spread: r.spread,
		log:    r.config.Log.With("entry", p.Name),
		before: r.ends[p.Identity()], done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
}

// stopAll has the emitters at work end, and the clock. It does not wait for the emitters.
func (r *reign) stopAll() {
	for _, stop := range r.stops {
		stop()
	}
	r.stops = nil
	if r.clock != nil {
		if err := r.clock.Shutdown(); err != nil { // it can but wake who has ended
			r.config.Log.Error("the clock does not stop", "error", err)
		}
		r.clock = nil
	}
}

// wait returns when the emitters have ended, which they are made to by cancel once the grace is over.
func (r *reign) wait(cancel context.CancelFunc) {
	r.stopAll()
	done := make(chan struct{})
	go func() {
		r.emitters.Wait()
		close(done)
	}()
	grace := r.config.Clock.NewTimer(r.config.Grace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.Chan():
		cancel()
		<-done
	}
}
