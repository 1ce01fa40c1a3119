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
	buffer   *buffer
	consumer *broker.Consumer

	work       context.Context // what handlers run under; cancelled at the end of the grace period
	cancelWork context.CancelCauseFunc
	settling   context.Context // what settlements run under
	giveUp     context.CancelFunc
	slots      sync.WaitGroup // the executing goroutines
	settled    sync.WaitGroup // the settlements under way
	running    atomic.Int64
	draining   atomic.Bool
}

// errStopping is the cause of the end of handlers' contexts when the worker stops.
var errStopping = errors.New("the worker stops")

func newQueue(client *broker.Client, cfg Queue, c *Config, declare func(context.Context) error) *queue {
	log := c.Log.With("queue", cfg.Name)
	q := &queue{
		cfg: cfg, clock: c.Clock, log: log, buffer: newBuffer(c.Clock, 0),
		executor: tasks.Executor{
			Handler: tasks.Chain(cfg.Mux, cfg.Middleware...),
			Retry:   cfg.Retry, Timeout: cfg.Timeout, Now: c.Clock.Now, Log: c.Log,
		}.WithDefaults(),
		settler: settler{client: client, queue: cfg.Name, worker: c.Name, clock: c.Clock, log: log, declare: declare},
	}
	q.work, q.cancelWork = context.WithCancelCause(context.Background())
	q.settling, q.giveUp = context.WithCancel(context.Background())
	return q
}

// start consumes and executes until stop.
func (q *queue) start(client *broker.Client) error {
	consumer, err := client.NewConsumer(broker.ConsumerConfig{
		Queue: q.cfg.Name, Prefetch: q.cfg.Prefetch, Deliver: q.deliver, Prepare: q.settler.declare,
	})
	if err != nil {
		return err
	}
	q.consumer = consumer
	for range q.cfg.Concurrency {
		q.slots.Go(q.slot)
	}
	return nil
}

// holdLimit is how far ahead of its time a delivery is held. The ladder gives back nothing earlier
// than routing.MinLadderDelay; the rest is for times that the wire rounds up.
const holdLimit = routing.MinLadderDelay + 2*time.Millisecond

// deliver takes a delivery from the consumer. It does not block: what has to be published before
// the task may run is published beside.
func (q *queue) deliver(d *broker.Delivery) {
	if q.draining.Load() {
		q.settler.answer(q.log, d.Requeue)
		return
	}
	it := &item{delivery: d}
	now := q.clock.Now()
	var err error
	it.task, err = tasks.Decode(d.Message, q.cfg.Name, now)
	switch {
	case err != nil:
		if it.task.ID == "" { // so that the log and the dead letter tell of the same
			it.task.ID = tasks.NewID()
			it.delivery.Message.MessageID = it.task.ID
		}
		q.settle(it, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonMalformed, Err: err}, 0)
	case it.task.ID == "":
		q.settled.Go(func() { q.settler.identify(q.settling, it) })
	case it.task.NotBefore.Sub(now) > holdLimit:
		q.settled.Go(func() { q.settler.postpone(q.settling, it) })
	case !q.buffer.push(it):
		q.settler.answer(q.log, d.Requeue) // the worker stops
	}
}

// slot is one goroutine that executes: it runs tasks until the buffer is closed. A handler that
// ends its goroutine (runtime.Goexit, as the FailNow of a test does) has failed, and another
// goroutine takes the slot.
func (q *queue) slot() {
	var it *item
	defer func() {
		if it != nil {
			q.running.Add(-1)
			q.buffer.done(it)
			decision := q.executor.Decide(&it.task, errGoexit)
			q.settled.Go(func() { q.settler.settle(q.settling, it, decision, 0) })
			q.slots.Go(q.slot)
		}
	}()
	for {
		it = q.buffer.take()
		if it == nil {
			return
		}
		q.running.Add(1)
		started := q.clock.Now()
		decision := q.executor.Execute(q.work, &it.task)
		q.running.Add(-1)
		q.buffer.done(it)
		q.settle(it, decision, q.clock.Since(started))
	}
}

var errGoexit = fmt.Errorf("%w: it ended its goroutine (runtime.Goexit)", tasks.ErrPanic)

// settle applies a decision, beside the slot where something is to be published first.
func (q *queue) settle(it *item, d tasks.Decision, took time.Duration) {
	if d.Action == tasks.Ack || d.Action == tasks.Requeue {
		q.settler.settle(q.settling, it, d, took)
		return
	}
	q.settled.Go(func() { q.settler.settle(q.settling, it, d, took) })
}

// stop drains the queue, in this order: no new deliveries; what has not started goes back; what
// runs may go on for the grace period, then its context is cancelled; settlements are waited for;
// the session is closed, which gives back whatever is left. An error tells of handlers that did
// not heed their context in time.
func (q *queue) stop(grace, stopTimeout time.Duration) error {
	q.draining.Store(true)
	cancelCtx, cancel := context.WithTimeout(context.Background(), consumerCancelTimeout)
	defer cancel()
	if err := q.consumer.Cancel(cancelCtx); err != nil {
		q.log.Warn("consumer not cancelled cleanly", "error", err)
	}
	for _, it := range q.buffer.close() {
		q.settler.answer(q.log, it.delivery.Requeue)
	}
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
