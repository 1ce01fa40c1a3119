package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// queue works on one queue.
type queue struct {
	cfg      Queue
	clock    clockwork.Clock
	log      *slog.Logger
	executor tasks.Executor
	settler  settler
	events   tasks.Recorder // nil: nobody
	works    *works
	buffer   *buffer
	window   *window
	consumer *broker.Consumer
	ackLimit time.Duration // the broker's acknowledgement timeout, as far as is known
	asked    bool          // it is the one that our consumer asks for

	work       context.Context // what handlers run under; cancelled at the end of the grace period
	cancelWork context.CancelCauseFunc
	settling   context.Context // what settlements run under
	giveUp     context.CancelFunc
	tending    context.Context // what the window is tended under
	endTending context.CancelFunc
	tended     sync.WaitGroup
	shrinking  bool           // the prefetch has been made smaller, and what is beyond it is still held; tend's own
	slots      sync.WaitGroup // the executing goroutines
	settled    sync.WaitGroup // the settlements under way
	running    atomic.Int64
	draining   atomic.Bool
	halted     atomic.Bool // paused, and what had not begun was given back
	// isRevoked returns why a task is revoked, nil where it is not.
	isRevoked func(id string) error
}

// errStopping is the cause of the end of handlers' contexts when the worker stops.
var errStopping = errors.New("the worker stops")

func newQueue(client *broker.Client, cfg Queue, c *Config, declare func(context.Context) error, reports *reports, isRevoked func(string) error) *queue {
	log := c.Log.With("worker", c.Name, "queue", cfg.Name)
	works := newWorks(c.Clock.Now)
	q := &queue{
		cfg: cfg, clock: c.Clock, log: log, works: works, isRevoked: isRevoked, buffer: newBuffer(c.Clock, cfg.RateLimit, cfg.RateBurst),
		window: newWindow(cfg.Concurrency, c.Clock.Now()),
		events: c.Events,
		settler: settler{
			client: client, names: client.Names(), user: client.User(), queue: cfg.Name, worker: c.Name,
			works: works, clock: c.Clock, log: log, declare: declare, reports: reports,
		},
	}
	q.executor = tasks.Executor{
		Handler: q.telling(tasks.Chain(cfg.Mux, cfg.Middleware...)),
		Retry:   cfg.Retry, Timeout: cfg.Timeout, Now: c.Clock.Now, Log: c.Log.With("worker", c.Name),
		Progress:  q.tellingProgress(reports.progress),
		AfterFunc: func(d time.Duration, f func()) func() bool { return c.Clock.AfterFunc(d, f).Stop },
	}.WithDefaults()
	q.work, q.cancelWork = context.WithCancelCause(context.Background())
	q.settling, q.giveUp = context.WithCancel(context.Background())
	q.tending, q.endTending = context.WithCancel(context.Background())
	return q
}

// start consumes and executes until stop; where the queue is paused it begins without.
func (q *queue) start(ctx context.Context, client *broker.Client, paused bool) error {
	q.ackLimit, q.asked = q.ackTimeout(ctx, client)
	q.warnOfTimeout(client)
	prefetch := q.cfg.Prefetch
	if prefetch == 0 {
		prefetch = q.window.prefetch()
	}
	consumer, err := client.NewConsumer(broker.ConsumerConfig{
		Queue: q.cfg.Name, Prefetch: prefetch, Deliver: q.deliver, Prepare: q.settler.declare,
		AckTimeout: q.cfg.Timeout + ackMargin, Paused: paused,
	})
	if err != nil {
		return err
	}
	q.consumer = consumer
	if paused {
		q.buffer.hold(true)
		q.halted.Store(true)
	}
	for range q.cfg.Concurrency {
		q.slots.Go(q.slot)
	}
	q.tended.Go(func() { q.tend(q.tending) })
	return nil
}

// holdLimit is how far ahead of its time a delivery is held. The ladder gives back nothing earlier
// than routing.MinLadderDelay; the rest is for times that the wire rounds up.
const holdLimit = routing.MinLadderDelay + 2*time.Millisecond

// deliver takes a delivery from the consumer. It does not block: what has to be published before
// the task may run is published beside.
func (q *queue) deliver(d *broker.Delivery) {
	it := &item{delivery: d, message: d.Message}
	if q.draining.Load() {
		q.settler.answer(it, d.Requeue)
		return
	}
	if d.Unreadable != nil {
		it.task = tasks.Task{
			ID: d.Message.MessageID, Key: d.Message.RoutingKey, Queue: q.cfg.Name, Attempt: 1,
			ReplyTo: d.Message.ReplyTo, CorrelationID: d.Message.CorrelationID,
		}
		q.settler.tell(slog.LevelError, it, "message cannot be read, the broker dead-letters it",
			slog.String("outcome", string(tasks.EventDead)), slog.String("reason", string(tasks.ReasonRejected)), slog.Any("error", d.Unreadable))
		_ = q.tell(it, rejected(undecided, d.Unreadable), time.Time{}) // whether it is of a batch cannot be read either
		q.reject(it, d)
		return
	}
	now := q.clock.Now()
	var err error
	it.task, err = tasks.Decode(d.Message, q.cfg.Name, now)
	it.task.By = tasks.IdentityOf(&it.task, q.settler.user)
	it.name = q.works.name(it)
	switch {
	case q.recognise(it, d.Redelivered): // a malformed one too, or it would be two letters
	case err != nil && it.task.ID == "": // so that the log and the dead letter tell of the same
		it.task.ID = tasks.NewID()
		it.message.MessageID = it.task.ID
		fallthrough
	case err != nil:
		q.conclude(it, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonMalformed, Err: err})
	case q.inspect(it, d.Redelivered):
	case q.refuse(it):
	case it.task.ID == "":
		q.begin(it, func() { q.settler.identify(q.settling, it) })
	case it.task.NotBefore.Sub(now) > holdLimit:
		q.begin(it, func() { q.settler.postpone(q.settling, it) })
	default:
		q.admit(it)
	}
}

// reject has the broker dead-letter a delivery, beside where somebody is to be told.
func (q *queue) reject(it *item, d *broker.Delivery) {
	if it.task.ReplyTo == "" {
		q.settler.answer(it, d.Reject)
		return
	}
	q.settled.Go(func() {
		q.settler.reply(q.settling, it, rejected(undecided, d.Unreadable))
		q.settler.answer(it, d.Reject)
	})
}

// admit has a task wait for its turn.
func (q *queue) admit(it *item) {
	it.pattern, it.limit = q.cfg.Mux.Match(&it.task)
	if !q.buffer.push(it) {
		q.settler.answer(it, it.delivery.Requeue) // the worker stops
	}
	if q.halted.Load() { // it was on its way here when the rest was given back
		q.giveBack(q.buffer.remove(all))
	}
}

// conclude settles a work that is decided about without a start.
func (q *queue) conclude(it *item, d tasks.Decision) {
	q.works.begin(it)
	q.settle(it, d, time.Time{}, 0)
}

// repeat applies a decision that was made, and told of, when the work was delivered before.
func (q *queue) repeat(it *item, d tasks.Decision) {
	q.works.begin(it)
	q.apply(it, d, nil)
}

// begin has a work settled beside, without a start.
func (q *queue) begin(it *item, settle func()) {
	q.works.begin(it)
	q.settled.Go(settle)
}

// slot is one goroutine that executes: it runs tasks until the buffer is closed. A handler that
// ends its goroutine (runtime.Goexit, as the FailNow of a test does) has failed, and another
// goroutine takes the slot.
func (q *queue) slot() {
	var it *item
	var started time.Time
	defer func() {
		if it != nil {
			decision := q.executor.Decide(&it.task, errGoexit)
			q.settle(it, decision, started, q.ended(it, started))
			q.slots.Go(q.slot)
		}
	}()
	for {
		it = q.buffer.take()
		if it == nil {
			return
		}
		var ctx context.Context
		ctx, it.cancel = context.WithCancelCause(q.work)
		if !q.works.start(it) {
			it.cancel(nil)
			q.buffer.done(it)
			continue // the broker gives it out again
		}
		if err := q.isRevoked(it.task.ID); err != nil {
			it.cancel(err) // revoked before it could be found among those that run
		}
		started = q.clock.Now()
		q.running.Add(1)
		q.window.began(started)
		decision := q.executor.Execute(ctx, &it.task)
		q.settle(it, decision, started, q.ended(it, started))
	}
}

// ended accounts for the end of a task's run, and tells how long it took.
func (q *queue) ended(it *item, started time.Time) time.Duration {
	now := q.clock.Now()
	q.running.Add(-1)
	q.window.ended(now)
	q.buffer.done(it)
	it.cancel(nil)
	return now.Sub(started)
}

var errGoexit = fmt.Errorf("%w: it ended its goroutine (runtime.Goexit)", tasks.ErrPanic)

// settle tells of a decision about a work that is under way, and applies it.
func (q *queue) settle(it *item, d tasks.Decision, started time.Time, took time.Duration) {
	q.settler.outcome(it, d, started, took)
	q.apply(it, d, q.tell(it, d, started))
}

// apply applies a decision to a work that is under way, beside the slot where something is to be stored
// or published first.
func (q *queue) apply(it *item, d tasks.Decision, store func()) {
	if store == nil && (d.Action == tasks.Requeue || d.Action == tasks.Ack && it.task.ReplyTo == "") {
		q.settler.settle(q.settling, it, d)
		return
	}
	q.settled.Go(func() {
		if store != nil {
			store()
		}
		q.settler.settle(q.settling, it, d)
	})
}

// stop drains the queue, in this order: no new deliveries; what has not started goes back; what
// runs may go on for the grace period, then its context is cancelled; settlements are waited for;
// the session is closed, which gives back whatever is left. An error tells of handlers that did
// not heed their context in time.
func (q *queue) stop(grace, stopTimeout time.Duration) error {
	q.draining.Store(true)
	q.endTending()
	q.tended.Wait()
	cancelCtx, cancel := context.WithTimeout(context.Background(), consumerCancelTimeout)
	defer cancel()
	if err := q.consumer.Cancel(cancelCtx); err != nil {
		q.log.Warn("consumer not cancelled cleanly", "error", err)
	}
	q.giveBack(q.buffer.close())
	idle := make(chan struct{})
	go func() { // ends when the handlers do; a handler that never returns keeps it, and is told of
		q.slots.Wait()
		q.settled.Wait()
		close(idle)
	}()
	defer q.giveUp()
	defer q.consumer.Close()
	if q.idleWithin(idle, grace) {
		q.cancelWork(errStopping)
		return nil
	}
	q.log.Warn("grace period is over, running tasks are cancelled", "running", q.running.Load())
	q.cancelWork(errStopping)
	if q.idleWithin(idle, stopTimeout/2) {
		return nil
	}
	q.giveUp()
	if q.idleWithin(idle, stopTimeout/2) {
		return nil
	}
	return fmt.Errorf("queue %s: %d handlers did not end within %s of their cancellation; their tasks go back to the queue",
		q.cfg.Name, q.running.Load(), stopTimeout)
}

// consumerCancelTimeout bounds the wait for the broker's answer to the consumer's cancellation.
const consumerCancelTimeout = 5 * time.Second

// idleWithin waits for idle at most for a time.
func (q *queue) idleWithin(idle <-chan struct{}, d time.Duration) bool {
	timer := q.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-idle:
		return true
	case <-timer.Chan():
		return false
	}
}
