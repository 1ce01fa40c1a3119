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
	client  publisher
	names   routing.Names
	user    string
	queue   string
	worker  string
	works   *works
	clock   clockwork.Clock
	log     *slog.Logger
	declare func(context.Context) error
	reports *reports
}

// publisher publishes a message and blocks until it is confirmed, unless while is done before it is
// sent; broker.Client is one.
type publisher interface {
	PublishWhile(ctx, while context.Context, m tasks.Message) error
}

// The waits between two attempts to publish a settlement.
const (
	settleBackoffMin = 50 * time.Millisecond
	settleBackoffMax = 5 * time.Second
)

// settle applies a decision to a work that is under way and ends it. It blocks until that is done,
// the delivery's session is lost (the broker then gives the work out again, and the decision is
// kept until it does), or ctx is done, which gives the delivery back.
func (s *settler) settle(ctx context.Context, it *item, d tasks.Decision) {
	now := s.clock.Now()
	failure := tasks.Failure{Err: d.Err, At: now, Worker: s.worker}
	m := it.message
	switch d.Action {
	case tasks.Ack:
		s.reply(ctx, it, d)
		s.answer(it, s.works.settled(it).Ack)
		return
	case tasks.Retry:
		var counted *tasks.Failure
		if d.Counts {
			counted = &failure
		}
		if d.NotBegun {
			m = tasks.RedeliveredMessage(m, &it.task, s.user, now.Add(d.After))
		} else {
			m = tasks.RetryMessage(m, &it.task, s.user, now.Add(d.After), counted)
		}
		m = s.delayed(m, d.After)
	case tasks.DeadLetter:
		m = tasks.DeadMessage(m, &it.task, s.user, d.Reason, failure, d.Counts)
		m.Exchange, m.RoutingKey = s.names.Dead(), s.queue
	default:
		s.giveBack(ctx, it)
		return
	}
	s.replace(ctx, it, tasks.Traced(m, d), d)
}

// postpone sends a work that is due later than it can be held through the ladder, back to its
// queue.
func (s *settler) postpone(ctx context.Context, it *item) {
	wait := it.task.NotBefore.Sub(s.clock.Now())
	s.tell(slog.LevelDebug, it, "task is due later", slog.Duration("in", wait))
	m := tasks.RedeliveredMessage(it.message, &it.task, s.user, it.task.NotBefore) // nothing has run
	s.replace(ctx, it, s.delayed(m, min(wait, routing.MaxDelay)), undecided)
}

// identify republishes a foreign message without an ID, so that it has one before it first runs: a
// work that is delivered twice must be known to be the same.
func (s *settler) identify(ctx context.Context, it *item) {
	m := tasks.Republish(it.message, &it.task, s.user)
	s.tell(slog.LevelDebug, it, "foreign task without an ID is given one", slog.String("given", m.MessageID))
	m.RoutingKey = s.queue
	s.replace(ctx, it, m, undecided)
}

// recount publishes a work that was given out again with the count of that, to run after a time. It
// returns false, with nothing done, where RabbitMQ takes no messages and the work need not wait to be
// run: else a window full of redelivered works would not be drained while an alarm lasts or the queue
// is full, which may be until they are.
func (s *settler) recount(ctx context.Context, it *item, after time.Duration) (settled bool) {
	s.tell(slog.LevelDebug, it, "task was given out again",
		slog.Int("redeliveries", it.task.Redeliveries), slog.Duration("runs in", after))
	notBefore := it.task.NotBefore
	if at := s.clock.Now().Add(after); after > 0 && at.After(notBefore) {
		notBefore = at
	}
	m := s.delayed(tasks.RedeliveredMessage(it.message, &it.task, s.user, notBefore), after)
	if after > 0 || it.task.ID == "" {
		s.replace(ctx, it, m, undecided)
		return true
	}
	return s.replaceSoon(ctx, it, m)
}

// giveBack ends a work that is not to end here, and gives it back. A queue may take that for a
// redelivery like any (a classic one, and a quorum queue before 4.3), and enough of them for a crash
// loop. So one that has come back before is published anew instead, with its count as it is.
func (s *settler) giveBack(ctx context.Context, it *item) {
	if it.task.Redeliveries >= suspectAfter-1 {
		m := s.delayed(tasks.RedeliveredMessage(it.message, &it.task, s.user, it.task.NotBefore), 0)
		if s.replaceSoon(ctx, it, m) {
			return
		}
	}
	s.answer(it, s.works.abandon(it).Requeue)
}

// replacePatience is how long replaceSoon waits for a broker that takes no messages.
const replacePatience = 5 * time.Second

// replaceSoon replaces a delivery by the same work. It returns false, with nothing done, where RabbitMQ
// takes no messages.
func (s *settler) replaceSoon(ctx context.Context, it *item, m tasks.Message) bool {
	current := s.works.delivery(it)
	patient, cancel := context.WithCancel(ctx)
	timer := s.clock.AfterFunc(replacePatience, cancel)
	err := s.client.PublishWhile(patient, current.Context(), m)
	timer.Stop()
	cancel()
	switch {
	case err == nil:
		s.answer(it, s.works.settled(it).Ack)
	case ctx.Err() == nil && !current.Lost() && isRefusal(err):
		s.tell(slog.LevelWarn, it, "redeliveries cannot be counted, RabbitMQ takes no messages", slog.Any("error", err))
		return false
	default:
		s.replace(ctx, it, m, undecided)
	}
	return true
}

// isRefusal reports whether a message is not published because RabbitMQ takes none, or none for a
// queue that is full.
func isRefusal(err error) bool {
	return !errors.Is(err, broker.ErrUnconfirmed) && (errors.Is(err, broker.ErrBlocked) || errors.Is(err, broker.ErrNacked))
}

// undecided stands for a republishing without a start: if its session is lost there is nothing to
// remember.
var undecided = tasks.Decision{Action: tasks.Requeue}

// delayed addresses a message to come back to this queue alone after a time.
func (s *settler) delayed(m tasks.Message, after time.Duration) tasks.Message {
	hop, delayed, err := s.names.Delay(after, routing.ToQueue(s.queue))
	if err != nil || !delayed { // the delay is bounded, so there is no error
		m.Exchange, m.RoutingKey = "", s.queue
		return m
	}
	m.Exchange, m.RoutingKey = hop.Exchange, hop.Key
	return m
}

// replace publishes what takes a work's place, then acknowledges its delivery. Where the delivery's
// session is lost before, the decision that led to it is kept for the next one.
func (s *settler) replace(ctx context.Context, it *item, m tasks.Message, d tasks.Decision) {
	for wait := settleBackoffMin; ; wait = min(2*wait, settleBackoffMax) {
		current := s.works.delivery(it)
		// What was not sent when the session is lost must not be sent once there is a connection again:
		// the broker gives the work out again, maybe to another process, and this would make it two.
		err := s.client.PublishWhile(ctx, current.Context(), m)
		switch {
		case err == nil:
			if d.Action == tasks.DeadLetter {
				s.reply(ctx, it, d)
			}
			s.answer(it, s.works.settled(it).Ack)
			return
		case errors.Is(err, tasks.ErrInvalidTask): // too large among them
			s.tell(slog.LevelError, it, "task cannot be published again, the broker dead-letters it", slog.Any("error", err))
			s.reply(ctx, it, rejected(d, err))
			s.answer(it, s.works.abandon(it).Reject)
			return
		case current.Lost():
			if s.works.leave(it, d) {
				s.tell(slog.LevelWarn, it, "session was lost before the task was settled, the broker gives it out again", slog.Any("error", err))
				return
			}
			continue // it has been given to us again meanwhile
		case ctx.Err() != nil:
			s.tell(slog.LevelWarn, it, "task given back, the worker stops before its settlement is confirmed", slog.Any("error", err))
			s.answer(it, s.works.abandon(it).Requeue)
			return
		}
		s.tell(slog.LevelWarn, it, "settlement is published again", slog.Any("error", err))
		s.prepare(ctx, current, err, wait)
	}
}

// prepare waits before the next attempt, and mends what it can: somebody may have taken the
// topology away.
func (s *settler) prepare(ctx context.Context, current delivery, err error, wait time.Duration) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(current.Context(), cancel)()
	if errors.Is(err, broker.ErrUnroutable) {
		if declareErr := s.declare(waiting); declareErr != nil {
			s.log.Warn("topology cannot be declared", "error", declareErr)
		}
	}
	s.pause(waiting, wait)
}

// pause waits for half of a time to all of it, or until ctx is done.
func (s *settler) pause(ctx context.Context, wait time.Duration) {
	timer := s.clock.NewTimer(wait/2 + rand.N(wait/2+1))
	defer timer.Stop()
	select {
	case <-timer.Chan():
	case <-ctx.Done():
	}
}

// answer acknowledges in one way or another. Where the session is lost there is nothing to do: the
// broker gives the work out again.
func (s *settler) answer(it *item, send func() error) {
	if err := send(); err != nil {
		s.tell(slog.LevelWarn, it, "delivery not acknowledged, the broker gives it out again", slog.Any("error", err))
	}
}
