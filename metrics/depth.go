package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The bounds of asking for depths.
const (
	// depthEvery is how often they are asked for at most, whoever scrapes how often.
	depthEvery = 5 * time.Second
	// depthPatience is how long a scrape waits for an answer at most.
	depthPatience = 2 * time.Second
	// depthTimeout is how long an answer may take, to be shown by a later scrape.
	depthTimeout = 10 * time.Second
	// depthKept is for how long an answer is shown.
	depthKept = 30 * time.Second
)

// DepthConfig is what depths are asked with.
type DepthConfig struct {
	// Queues are the queues to tell of.
	Queues []string
	// Dead returns the dead-letter queue of a queue: routing.DeadQueue.
	Dead func(queue string) string
	// Parked is the queue of what no queue wants: routing.Names.Unrouted.
	Parked string
	// Sources are who is asked: the first, and the next where one does not answer.
	Sources []DepthSource
	// Log takes that depths cannot be asked, and that they can again. Defaults to slog.Default().
	Log *slog.Logger
}

// Depths is a collector of how long queues are. A scrape has it ask: where nobody scrapes nobody is asked.
// What answers late does not hold up the scrapes, and what does not answer is not shown for long.
type Depths struct {
	asked
	cfg   DepthConfig
	names []string // all that is asked for

	life   context.Context
	end    context.CancelFunc
	asking sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	began   time.Time     // when the newest question was asked
	pending chan struct{} // closed when it is answered, or is not going to be; nil where it has been
	late    bool          // it took too long, or the one before was not answered: no scrape waits
	warned  bool

	depths   map[string]depth // the newest answer, and whose and when
	source   int
	answered time.Time
}

// NewDepths returns a collector of depths, which is to be closed.
func NewDepths(cfg DepthConfig) *Depths {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	d := &Depths{cfg: cfg, names: []string{cfg.Parked}}
	d.life, d.end = context.WithCancel(context.Background())
	for _, queue := range cfg.Queues {
		d.names = append(d.names, queue, cfg.Dead(queue))
	}
	ready := d.describe("warren_queue_ready", "Messages of the queue that wait for a consumer.", labelQueue)
	unacked := d.describe("warren_queue_unacked", "Messages of the queue that were delivered and not acknowledged.", labelQueue)
	consumers := d.describe("warren_queue_consumers", "Consumers of the queue.", labelQueue)
	dead := d.describe("warren_queue_dead", "Dead letters of the queue.", labelQueue)
	parked := d.describe("warren_parked", "Messages that no queue wanted.")
	up := d.describe("warren_depth_up", "Whether depths are known, by who was asked.", "source")
	d.ask = func(to chan<- prometheus.Metric) {
		d.await(d.refresh())
		depths, source := d.known()
		for i, s := range cfg.Sources {
			if i <= source || source < 0 {
				gauge(to, up, truth(i == source), s.name)
			}
		}
		for _, queue := range cfg.Queues {
			if has, ok := depths[queue]; ok {
				gauge(to, ready, float64(has.ready), queue)
				gauge(to, consumers, float64(has.consumers), queue)
				if has.unackedKnown {
					gauge(to, unacked, float64(has.unacked), queue)
				}
			}
			if has, ok := depths[cfg.Dead(queue)]; ok {
				gauge(to, dead, float64(has.ready), queue)
			}
		}
		if has, ok := depths[cfg.Parked]; ok {
			gauge(to, parked, float64(has.ready))
		}
	}
	return d
}

// refresh asks where the newest question is old enough. It returns what is to be waited for, nil where
// nothing is.
func (d *Depths) refresh() (pending <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	if d.pending == nil {
		if !d.began.IsZero() && time.Since(d.began) < depthEvery {
			return nil
		}
		d.began, d.pending = time.Now(), make(chan struct{})
		d.asking.Go(d.question)
	}
	if d.late {
		return nil
	}
	return d.pending
}

// await waits for an answer for as long as a scrape may be held up.
func (d *Depths) await(pending <-chan struct{}) {
	if pending == nil {
		return
	}
	timer := time.NewTimer(depthPatience)
	defer timer.Stop()
	select {
	case <-pending:
	case <-timer.C:
		d.mu.Lock()
		defer d.mu.Unlock()
		d.late = d.late || pending == d.pending
	}
}

// question asks one source after the other, until one answers.
func (d *Depths) question() {
	ctx, cancel := context.WithTimeout(d.life, depthTimeout)
	defer cancel()
	var depths map[string]depth
	var failure error
	source := 0
	for ; source < len(d.cfg.Sources); source++ {
		answer, err := d.cfg.Sources[source].ask(ctx, d.names)
		if err != nil {
			failure = err
		}
		if err == nil || len(answer) > 0 {
			depths = answer
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = depths == nil
	if depths != nil {
		d.depths, d.source, d.answered = depths, source, time.Now()
	}
	d.tell(failure)
	close(d.pending)
	d.pending = nil
}

// tell logs that something of a question has failed, where nothing had before, and the other way round. The
// caller holds the lock.
func (d *Depths) tell(failure error) {
	switch {
	case d.life.Err() != nil: // it was closed meanwhile
	case failure != nil && !d.warned:
		d.warned = true
		d.cfg.Log.Warn("asking for the depths of queues fails", "error", failure)
	case failure == nil && d.warned:
		d.warned = false
		d.cfg.Log.Info("asking for the depths of queues works again")
	}
}

// known returns the newest answer, and the place of its source: nothing and -1 where it is too old.
func (d *Depths) known() (depths map[string]depth, source int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.depths == nil || time.Since(d.answered) >= depthKept {
		return nil, -1
	}
	return d.depths, d.source
}

// Close ends a question that is under way, and returns when it has ended. Nothing is asked after it: what
// is known is shown until it is too old.
func (d *Depths) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.end()
	d.asking.Wait()
}
