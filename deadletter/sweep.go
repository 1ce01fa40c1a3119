package deadletter

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/warrenmq/warren/tasks"
)

const (
	// underWay is how many letters are published and not confirmed at a time. A large one counts for
	// several.
	underWay = 512
	// unitBytes is the size of a payload that counts for one: together 32 MB.
	unitBytes = 64 << 10
	// publishGrace is how much longer than its context a confirm is awaited: less than a sifter waits
	// for the answers.
	publishGrace = 2500 * time.Millisecond
)

// Sifter shows the letters of a queue from its head, all that lie there where limit is below 1, until
// each returns false, and removes from the queue those that are answered so, now or later. It returns
// when all are answered and the others are back. Beside an error, which names the queue, doubtful is how
// many of those removed may be in the queue again. broker.Client is one.
type Sifter interface {
	Sift(ctx context.Context, queue string, limit int, each func(*tasks.Letter) bool) (doubtful int, err error)
}

// Sweep is which letters of a queue are dealt with.
type Sweep struct {
	// Queue is where the letters lie: a dead-letter queue, or the unrouted queue.
	Queue string
	// Filter chooses among them. Its Limit is how many are chosen at most.
	Filter Filter
	// Rate is how many letters a second are dealt with at most; below or at 0: as many as can be.
	Rate float64
	// DryRun has everything counted and told as if it were done, and nothing done.
	DryRun bool
	// Tell, where given, is told what became of each letter that the filter chose: of one that was
	// replayed once its task is confirmed and its letter removed. It is called for one letter at a time,
	// and must not block for long.
	Tell func(Outcome)
	// Progress, where given, is called with the counts so far for each letter that was seen or dealt
	// with, in the same way.
	Progress func(Counts)
}

// Fate is what became of a letter.
type Fate string

// What can become of a letter that a filter chose.
const (
	Replayed Fate = "replayed"
	Dropped  Fate = "dropped"
	// AtLimit is left: it was replayed as often as it may be.
	AtLimit Fate = "at-limit"
	// Again is left: it was replayed by this very call and is dead again.
	Again Fate = "again"
	// Failed is left: it could not be replayed.
	Failed Fate = "failed"
)

// Outcome is what became of one letter.
type Outcome struct {
	// Record is what was read of the letter.
	Record *Record
	// Fate is what became of it.
	Fate Fate
	// At is when that was so. What is replayed is so from the moment at which it is about to be published:
	// a worker may have run it before the publish is confirmed.
	At time.Time
	// Err is why it failed. Beside Replayed and Dropped it is why the letter is still in its queue all the
	// same: the connection was lost.
	Err error
}

// Counts are how many letters were seen, and what became of them. Its JSON is one object. Where the work
// was broken off, Seen has more than the others together.
type Counts struct {
	Seen     int `json:"seen"`
	Unchosen int `json:"unchosen"` // by the filter
	Replayed int `json:"replayed"`
	Dropped  int `json:"dropped"`
	AtLimit  int `json:"at_limit"`
	Again    int `json:"again"`
	Failed   int `json:"failed"`
	// Doubtful is how many letters may be in their queue again although they were replayed or dropped, or
	// were replayed although they count as failed: the connection was lost before RabbitMQ had said.
	Doubtful int `json:"doubtful"`
}

// run is one pass over a queue.
type run struct {
	ctx     context.Context
	sweep   *Sweep
	limiter *rate.Limiter
	chosen  int
	seed    maphash.Seed
	sent    map[uint64]struct{} // what was replayed, by what it would come back as

	slots chan struct{}      // holds a token for each unit under way
	while context.Context    // done: nothing more is sent
	halt  context.CancelFunc // ends while
	all   sync.WaitGroup

	mu     sync.Mutex
	counts Counts
	failed error // why nothing can be published any more
}

func newRun(ctx context.Context, sweep *Sweep) *run {
	r := &run{
		ctx: ctx, sweep: sweep, seed: maphash.MakeSeed(), sent: map[uint64]struct{}{},
		slots: make(chan struct{}, underWay),
	}
	if sweep.Rate > 0 {
		r.limiter = rate.NewLimiter(rate.Limit(sweep.Rate), max(1, int(sweep.Rate/100))) // timers are not exact
	}
	r.while, r.halt = context.WithCancel(ctx)
	return r
}

// sift has act deal with each letter that is chosen, answer it and tell of it.
func (r *run) sift(s Sifter, act func(*tasks.Letter, *Record)) (Counts, error) {
	defer r.halt()
	doubtful, err := s.Sift(r.ctx, r.sweep.Queue, 0, func(l *tasks.Letter) bool { return r.each(l, act) })
	r.halt()
	r.all.Wait()
	r.counts.Doubtful += doubtful
	if r.failed != nil {
		err = errors.Join(fmt.Errorf("replay %s: %w", r.sweep.Queue, r.failed), err)
	}
	return r.counts, err
}

// each deals with one letter, and reports whether there may be more.
func (r *run) each(l *tasks.Letter, act func(*tasks.Letter, *Record)) bool {
	if r.while.Err() != nil {
		l.Leave()
		return false
	}
	record := FromMessage(l.Shown(), r.sweep.Queue)
	chosen := r.sweep.Filter.Match(&record)
	r.count(func(c *Counts) {
		c.Seen++
		if !chosen {
			c.Unchosen++
		}
	})
	if !chosen {
		l.Leave()
		return true
	}
	r.chosen++
	act(l, &record)
	return r.while.Err() == nil && r.chosen != r.sweep.Filter.Limit
}

// wait waits until the rate allows for one more. It is false where nothing more is to be done.
func (r *run) wait() bool { return r.limiter == nil || r.limiter.Wait(r.while) == nil }

// cameBack reports whether a letter was replayed by this run already, and notes that it now is: a letter
// of a high priority can die again while those of lower ones are still to be shown.
func (r *run) cameBack(l *tasks.Letter, replay tasks.Message) bool {
	if _, found := r.sent[r.name(l.Message)]; found {
		return true
	}
	r.sent[r.name(replay)] = struct{}{}
	return false
}

// name is a hash of a message's ID and the number of its replays.
func (r *run) name(m tasks.Message) uint64 {
	return maphash.Comparable(r.seed, struct {
		id      string
		replays int
	}{m.MessageID, tasks.Replays(m)})
}

// publish publishes what a letter is replayed as and removes the letter once that is confirmed. It
// blocks until the rate and the number under way allow for it.
func (r *run) publish(p Publisher, l *tasks.Letter, record *Record, m tasks.Message) {
	units := min(1+len(m.Body)/unitBytes, underWay)
	if !r.wait() || !r.take(units) {
		l.Leave()
		return
	}
	r.all.Go(func() {
		defer r.give(units)
		patient, cancel := context.WithCancel(context.WithoutCancel(r.ctx))
		defer cancel()
		defer context.AfterFunc(r.ctx, func() { time.AfterFunc(publishGrace, cancel) })()
		at := time.Now()
		if err := p.PublishWhile(patient, r.while, m); err != nil {
			r.refused(record, err) // before the last answer, which ends the sifting and with it while
			l.Leave()
			return
		}
		r.remove(l, Outcome{Record: record, Fate: Replayed, At: at})
	})
}

// remove removes a letter that is dealt with.
func (r *run) remove(l *tasks.Letter, o Outcome) {
	if o.Err = l.Remove(); o.Err != nil {
		r.count(func(c *Counts) { c.Doubtful++ })
	}
	r.tell(o)
}

// refused takes in that a letter's message was not published, or not confirmed.
func (r *run) refused(record *Record, err error) {
	var unconfirmed interface{ Unconfirmed() bool }
	var general interface{ OfMessage() bool }
	switch {
	case errors.As(err, &unconfirmed) && unconfirmed.Unconfirmed():
		r.count(func(c *Counts) { c.Doubtful++ })
	case errors.As(err, &general) && general.OfMessage():
	case r.while.Err() != nil:
		return // it was not sent, since nothing more is to be
	case general != nil:
		r.mu.Lock()
		r.failed = errors.Join(r.failed, err)
		r.mu.Unlock()
		r.halt()
	}
	r.tell(Outcome{Record: record, Fate: Failed, At: time.Now(), Err: err})
}

// take takes slots. It is false where nothing more is to be done.
func (r *run) take(units int) bool {
	for taken := range units {
		select {
		case r.slots <- struct{}{}:
		case <-r.while.Done():
			r.give(taken)
			return false
		}
	}
	return true
}

func (r *run) give(units int) {
	for range units {
		<-r.slots
	}
}

// tell tells and counts what became of a letter.
func (r *run) tell(o Outcome) {
	r.count(func(c *Counts) {
		switch o.Fate {
		case Replayed:
			c.Replayed++
		case Dropped:
			c.Dropped++
		case AtLimit:
			c.AtLimit++
		case Again:
			c.Again++
		case Failed:
			c.Failed++
		}
		if r.sweep.Tell != nil {
			r.sweep.Tell(o)
		}
	})
}

// count changes the counts and tells of the progress.
func (r *run) count(change func(*Counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
	if r.sweep.Progress != nil {
		r.sweep.Progress(r.counts)
	}
}
