package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/jonboulle/clockwork"

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
	// StepDown gives the term up, for others to lead.
	StepDown()
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
	changed    <-chan struct{} // closed when there are other entries
	book       *ledger.Writer
	known      []ledger.Known // the entries that are emitted, as the ledger was told
	clock      gocron.Scheduler
	atWork     []*emitter
	ends       map[string]<-chan struct{} // closed when the newest emitter of an identity has ended
	emitters   sync.WaitGroup
}

// beginTimeout bounds how long a leader may read the ledger, and tell it of its entries, before another
// may try.
const beginTimeout = 10 * time.Second

// lead emits ticks until the term ends or ctx is done, and returns when nothing is published any more:
// in the second case what is due is published within the grace. It returns an error where it could not
// begin; then nothing was published, and it has stepped down.
func (s *Scheduler) lead(ctx context.Context, t term) error {
	defer t.Release()
	leading, stop := context.WithCancel(t.Context())
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	publishing, cancel := context.WithCancel(t.Context())
	defer cancel()

	r := reign{Scheduler: s, term: t, leading: leading, publishing: publishing, ends: map[string]<-chan struct{}{}}
	err := r.begin()
	if err == nil {
		s.failed.Store(nil)
		r.run()
	}
	r.wait(cancel)
	if leading.Err() != nil {
		return nil // it could not be helped
	}
	s.config.Log.Error("the scheduler leads and cannot emit: it leaves that to others", "term", t.Number(), "error", err)
	t.StepDown()
	s.failed.Store(&err)
	return err
}

// begin reads the ledger and has the entries emitted.
func (r *reign) begin() error {
	ctx, cancel := clockwork.WithTimeout(r.leading, r.config.Clock, beginTimeout)
	defer cancel()
	stream := r.config.Names.Schedule()
	state, err := ledger.Load(ctx, r.config.Streams, stream, r.config.Clock.Now())
	if err != nil {
		return err
	}
	r.book, err = ledger.NewWriter(state, r.config.Streams, ledger.Config{
		Stream: stream, Term: r.term.Number(), Scheduler: r.lease.Holder(), Clock: r.config.Clock, Log: r.config.Log,
	})
	if err != nil {
		return err
	}
	entries, changed := r.current()
	r.changed = changed
	return r.take(ctx, entries)
}

// remindEvery is how often the ledger is told of the entries although nothing has changed: then what it
// says of them does not grow old, and is not trimmed.
const remindEvery = time.Hour

// run has the entries of each change emitted until it leads no longer. What cannot be taken is tried
// again, and until then the entries before it are emitted.
func (r *reign) run() {
	reminder := r.config.Clock.NewTicker(remindEvery)
	defer reminder.Stop()
	for {
		select {
		case <-r.leading.Done():
			return
		case <-reminder.Chan():
			if err := r.book.Know(r.leading, r.known...); err != nil {
				r.config.Log.Debug("the ledger is not reminded of the entries", "error", err) // later
			}
			continue
		case <-r.changed:
		}
		for failures := 1; ; failures++ {
			var entries []scheduled
			entries, r.changed = r.current()
			err := r.take(r.leading, entries)
			if err == nil {
				break
			}
			if r.leading.Err() != nil {
				return
			}
			delay := publishBackoff.Delay(failures, r.spread())
			r.config.Log.Warn("other entries are not emitted yet, those before still are", "again_in", delay, "error", err)
			r.ail()
			pause(r.leading, r.config.Clock, delay)
		}
	}
}

// take has the entries of a configuration emitted, in place of those before. Who had an entry before
// ends between two ticks, and who has it now begins then.
func (r *reign) take(ctx context.Context, entries []scheduled) error {
	known := make([]ledger.Known, len(entries))
	for i, p := range entries {
		known[i] = ledger.Known{Entry: p.Identity(), Name: p.Name, Timetable: p.timetable.String()}
	}
	if err := r.book.Know(ctx, known...); err != nil {
		return err
	}
	r.known = known
	r.replaceAll()
	emitters := make([]*emitter, len(entries))
	for i, p := range entries {
		e := r.emitter(p)
		r.ends[p.Identity()] = e.done
		emitters[i] = e
		r.emitters.Go(func() { e.run(r.leading, r.publishing) })
	}
	r.atWork = emitters
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
		log: r.config.Log.With("entry", p.Name), ail: r.ail, ticks: r.config.Ticks,
		before: r.ends[p.Identity()], done: make(chan struct{}), wake: make(chan struct{}, 1), replaced: make(chan struct{}),
	}
}

// replaceAll has the emitters at work end between two ticks, for others, and their clock. It does not
// wait for them.
func (r *reign) replaceAll() {
	for _, e := range r.atWork {
		close(e.replaced)
	}
	r.atWork = nil
	if r.clock != nil {
		if err := r.clock.Shutdown(); err != nil { // it can but wake who has ended
			r.config.Log.Error("the clock does not stop", "error", err)
		}
		r.clock = nil
	}
}

// wait returns when the emitters have ended, which they are made to by cancel once the grace is over.
func (r *reign) wait(cancel context.CancelFunc) {
	if r.leading.Err() == nil {
		r.replaceAll() // it could not begin
	}
	defer r.replaceAll()
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
