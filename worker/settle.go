package worker

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// settler applies decisions to deliveries. What has to be published first, a retry or a dead
// letter, is published until the broker has confirmed it; only then is the delivery acknowledged.
// A crash between the two leaves the work twice, never not at all.
type settler struct {
	client  *broker.Client
	queue   string
	worker  string
	clock   clockwork.Clock
	log     *slog.Logger
	declare func(context.Context) error
}

// The waits between two attempts to publish a settlement.
const (
	settleBackoffMin = 50 * time.Millisecond
	settleBackoffMax = 5 * time.Second
)

// settle applies a decision and blocks until it is done, the delivery's session is lost (the
// broker then gives the work out again), or ctx is done, which gives the delivery back. took is how
// long the handler ran.
//
// A delivery whose session is lost already is left alone whatever was decided: the broker gives the
// work out again, and a retry beside that would make it two.
func (s *settler) settle(ctx context.Context, it *item, d tasks.Decision, took time.Duration) {
	log := s.log.With("id", it.task.ID, "key", it.task.Key, "attempt", it.task.Attempt)
	if it.delivery.Lost() {
		log.Warn("task's session was lost while it ran, the broker gives it out again",
			"decision", d.Action.String(), "took", took, "error", d.Err)
		return
	}
	now := s.clock.Now()
	failure := tasks.Failure{Err: d.Err, At: now, Worker: s.worker}
	m := it.delivery.Message
	switch d.Action {
	case tasks.Ack:
		log.Info("task done", "took", took)
		s.answer(log, it.delivery.Ack)
		return
	case tasks.Retry:
		var counted *tasks.Failure
		if d.Counts {
			counted = &failure
			log.Warn("task failed, to be tried again", "in", d.After, "took", took, "error", d.Err)
		} else {
			log.Info("task snoozed", "for", d.After, "took", took)
		}
		notBefore := now.Add(d.After)
		m = s.delayed(tasks.RetryMessage(m, &it.task, s.client.User(), notBefore, counted), d.After)
	case tasks.DeadLetter:
		log.Error("task is dead", "reason", d.Reason, "took", took, "error", d.Err)
		m = tasks.DeadMessage(m, &it.task, s.client.User(), d.Reason, failure, d.Counts)
		m.Exchange, m.RoutingKey = s.client.Names().Dead(), s.queue
	default:
		log.Info("task given back, the worker stops", "took", took)
		s.answer(log, it.delivery.Requeue)
		return
	}
	s.replace(ctx, log, it.delivery, m)
}

// postpone sends a delivery that is due later than it can be held through the ladder, back to its
// queue.
func (s *settler) postpone(ctx context.Context, it *item) {
	log := s.log.With("id", it.task.ID, "key", it.task.Key)
	wait := it.task.NotBefore.Sub(s.clock.Now())
	log.Debug("task is due later", "in", wait)
	m := tasks.RetryMessage(it.delivery.Message, &it.task, s.client.User(), it.task.NotBefore, nil)
	s.replace(ctx, log, it.delivery, s.delayed(m, min(wait, routing.MaxDelay)))
}

// identify republishes a foreign message without an ID, so that it has one before it first runs: a
// work that is delivered twice must be known to be the same.
func (s *settler) identify(ctx context.Context, it *item) {
	m := tasks.Republish(it.delivery.Message, &it.task, s.client.User())
	log := s.log.With("id", m.MessageID, "key", it.task.Key)
	log.Debug("foreign task without an ID is given one")
	m.RoutingKey = s.queue
	s.replace(ctx, log, it.delivery, m)
}

// delayed addresses a message to come back to this queue alone after a time.
func (s *settler) delayed(m tasks.Message, after time.Duration) tasks.Message {
	hop, delayed, err := s.client.Names().Delay(after, routing.ToQueue(s.queue))
	if err != nil || !delayed { // the delay is bounded, so there is no error
		m.Exchange, m.RoutingKey = "", s.queue
		return m
	}
	m.Exchange, m.RoutingKey = hop.Exchange, hop.Key
	return m
}

// replace publishes what takes the delivery's place, then acknowledges the delivery.
func (s *settler) replace(ctx context.Context, log *slog.Logger, delivery *broker.Delivery, m tasks.Message) {
	wait := settleBackoffMin
	// What was not sent when the session is lost must not be sent once there is a connection again:
	// the broker gives the work out again, and this beside that would make it two.
	publishing, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(delivery.Context(), cancel)()
	for {
		err := s.client.Publish(publishing, m)
		switch {
		case err == nil:
			s.answer(log, delivery.Ack)
			return
		case delivery.Lost():
			log.Warn("task's session was lost before its settlement, the broker gives it out again", "error", err)
			return
		case errors.Is(err, tasks.ErrInvalidTask): // too large among them
			log.Error("task cannot be published again, the broker dead-letters it", "error", err)
			s.answer(log, delivery.Reject)
			return
		case ctx.Err() != nil:
			log.Warn("task given back, the worker stops before its settlement is confirmed", "error", err)
			s.answer(log, delivery.Requeue)
			return
		}
		log.Warn("settlement is published again", "error", err)
		if errors.Is(err, broker.ErrUnroutable) { // somebody took the topology away
			if declareErr := s.declare(publishing); declareErr != nil {
				log.Warn("topology cannot be declared", "error", declareErr)
			}
		}
		s.sleep(publishing, wait)
		wait = min(2*wait, settleBackoffMax)
	}
}

// sleep waits for about a time, or until ctx is done.
func (s *settler) sleep(ctx context.Context, d time.Duration) {
	timer := s.clock.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.Chan():
	case <-ctx.Done():
	}
}

// answer acknowledges in one way or another. Where the session is lost there is nothing to do: the
// broker gives the work out again.
func (s *settler) answer(log *slog.Logger, send func() error) {
	if err := send(); err != nil {
		log.Warn("delivery not acknowledged, the broker gives it out again", "error", err)
	}
}
