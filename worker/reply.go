package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

// replyPatience bounds how long a reply is tried to be sent. After it the task is settled all the
// same: whoever waits has given up, or is told nothing.
const replyPatience = 10 * time.Second

// directReplyPrefix begins the names that RabbitMQ gives to those who wait without a queue (direct
// reply-to). They are no queues: a mandatory message to one is delivered, and before 4.2 returned as
// well.
const directReplyPrefix = "amq.rabbitmq.reply-to."

// reply tells whoever waits for a task what became of it, before its delivery is answered: a crash
// between the two leaves a reply twice, never not at all. It blocks until the reply is confirmed, it
// is known that it cannot be delivered, replyPatience is over or ctx is done.
func (s *settler) reply(ctx context.Context, it *item, d tasks.Decision) {
	if it.task.ReplyTo == "" || it.replied {
		return
	}
	if s.names.Internal(it.task.ReplyTo) && !strings.HasPrefix(it.task.ReplyTo, s.names.ReplyPrefix()) {
		s.tell(slog.LevelWarn, it, "the reply is not delivered: its queue is Warren's own", slog.String("reply_to", it.task.ReplyTo))
		return
	}
	ctx, cancel := clockwork.WithTimeout(ctx, s.clock, replyPatience)
	defer cancel()
	s.reports.flush(ctx, &it.task)
	for wait := settleBackoffMin; ; wait = min(2*wait, settleBackoffMax) {
		m := tasks.ReplyMessage(&it.task, d) // without our user: what another has written is not to be taken for ours
		err := s.client.PublishWhile(ctx, context.Background(), m)
		switch {
		case err == nil, errors.Is(err, broker.ErrUnroutable) && strings.HasPrefix(it.task.ReplyTo, directReplyPrefix):
			return
		case errors.Is(err, tasks.ErrInvalidTask) && d.Result != nil && d.Result.Err == nil:
			s.tell(slog.LevelWarn, it, "the result cannot be sent, an error is replied", slog.Any("error", err))
			d.Result = &tasks.Result{Err: fmt.Errorf("its result of %d bytes cannot be sent: %w", len(d.Result.Body), cause(err))}
			continue
		case ctx.Err() != nil, errors.Is(err, broker.ErrUnroutable), errors.Is(err, broker.ErrRefused), errors.Is(err, tasks.ErrInvalidTask):
			s.tell(slog.LevelWarn, it, "the reply cannot be delivered", slog.String("reply_to", it.task.ReplyTo), slog.Any("error", err))
			return
		}
		s.tell(slog.LevelInfo, it, "reply is published again", slog.Any("error", err))
		s.pause(ctx, wait)
	}
}

// cause is what became of a message, without its name.
func cause(err error) error {
	var publishErr *broker.PublishError
	if errors.As(err, &publishErr) {
		return publishErr.Err
	}
	return err
}

// rejected is what becomes of a work that cannot be published again, and is left to the broker to
// dead-letter: what was decided, if it was to be dead anyway.
func rejected(d tasks.Decision, err error) tasks.Decision {
	if d.Action == tasks.DeadLetter {
		return d
	}
	return tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonRejected, Err: err}
}
