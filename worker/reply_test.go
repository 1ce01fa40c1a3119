package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

// publishes is a broker that answers each message as it is told to, and with nil where it is told
// nothing more.
type publishes struct {
	mu       sync.Mutex
	answers  []error
	messages []tasks.Message
}

func (p *publishes) PublishWhile(ctx, _ context.Context, m tasks.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, m)
	if len(p.answers) == 0 {
		return ctx.Err()
	}
	err := p.answers[0]
	p.answers = p.answers[1:]
	return err
}

func newReplying(client publisher, clock clockwork.Clock) (*settler, *works) {
	log := slog.New(slog.DiscardHandler)
	works := newWorks(time.Now)
	return &settler{
		client: client, queue: "q", works: works, clock: clock, log: log,
		reports: &reports{client: client, prefix: "warren.reply.", clock: clock, log: log, wake: make(chan struct{}, 1),
			newest: map[*tasks.Task]tasks.Message{}, sent: make(chan struct{})},
	}, works
}

func asking(w *works, replyTo string) *item {
	it := (&fakeDelivery{session: newFakeSession(), message: &fakeMessage{id: "x"}}).item(w)
	it.task.ReplyTo = replyTo
	w.begin(it)
	return it
}

var five = tasks.Decision{Action: tasks.Ack, Result: &tasks.Result{Body: []byte("5")}}

func TestReplyIsGivenUpOrTriedAgain(t *testing.T) {
	t.Parallel()
	unconfirmed := &broker.PublishError{Err: broker.ErrUnconfirmed}
	for name, test := range map[string]struct {
		replyTo string
		answers []error
		sent    []string // the statuses
	}{
		"nobody asks":                {"", nil, nil},
		"sent":                       {"mine", nil, []string{"ok"}},
		"the queue is gone":          {"mine", []error{broker.ErrUnroutable}, []string{"ok"}},
		"direct, returned all same":  {directReplyPrefix + "x", []error{broker.ErrUnroutable}, []string{"ok"}},
		"not allowed":                {"mine", []error{broker.ErrRefused}, []string{"ok"}},
		"unconfirmed, then sent":     {"mine", []error{unconfirmed, broker.ErrNacked}, []string{"ok", "ok", "ok"}},
		"too large":                  {"mine", []error{broker.ErrTooLarge}, []string{"ok", "error"}},
		"the error is too large too": {"mine", []error{broker.ErrTooLarge, broker.ErrTooLarge}, []string{"ok", "error"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := &publishes{answers: test.answers}
			s, works := newReplying(client, clockwork.NewRealClock())
			it := asking(works, test.replyTo)
			s.settle(t.Context(), it, five)
			var sent []string
			for _, m := range client.messages {
				sent = append(sent, m.Headers["warren-status"].(string))
				assert.Equal(t, test.replyTo, m.RoutingKey)
			}
			assert.Equal(t, test.sent, sent)
			assert.True(t, it.delivery.(*fakeDelivery).message.gone, "acknowledged")
		})
	}
}

func TestReplyIsBounded(t *testing.T) {
	t.Parallel()
	clock := clockwork.NewFakeClock()
	client := blockedPublisher{make(chan tasks.Message, 1)}
	s, works := newReplying(client, clock)
	it := asking(works, "mine")
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.settle(t.Context(), it, five)
	}()
	<-client.waiting
	clock.Advance(replyPatience)
	<-done
	assert.True(t, it.delivery.(*fakeDelivery).message.gone)
}

// A task whose acknowledgement was lost after the reply, and one that was retried, is told of no
// second time by the same process.
func TestReplyIsNotSentForTheRedeliveryOfWhatIsSettled(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]tasks.Decision{
		"done": five, "retried": {Action: tasks.Retry, Err: errors.New("boom")},
		"dead": {Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Err: errors.New("boom")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := &publishes{}
			s, works := newReplying(client, clockwork.NewRealClock())
			it := asking(works, "mine")
			first := it.delivery.(*fakeDelivery)
			first.ackLost = true
			s.settle(t.Context(), it, d)
			sent := len(client.messages)
			first.session.lose()
			again := (&fakeDelivery{session: newFakeSession(), message: first.message}).item(works)
			again.task.ReplyTo = "mine"
			_, decision, known := works.recognise(again)
			require.True(t, known)
			works.begin(again)
			s.settle(t.Context(), again, decision)
			assert.Len(t, client.messages, sent)
			assert.True(t, first.message.gone)
		})
	}
}

// gatedPublisher lets one message through for each token.
type gatedPublisher struct {
	came chan tasks.Message
	gate chan struct{}
}

func (p gatedPublisher) PublishWhile(ctx, _ context.Context, m tasks.Message) error {
	p.came <- m
	select {
	case <-p.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestProgressIsTheNewestWhereTheBrokerIsSlow(t *testing.T) {
	t.Parallel()
	client := gatedPublisher{make(chan tasks.Message, 10), make(chan struct{})}
	s, _ := newReplying(client, clockwork.NewRealClock())
	stop := s.reports.start()
	defer stop()
	task := &tasks.Task{ID: "x", ReplyTo: "warren.reply.x"}
	s.reports.progress(&tasks.Task{ReplyTo: "foreign"}, tasks.ProgressEvent{Percent: 7})
	s.reports.progress(task, tasks.ProgressEvent{Percent: 1})
	assert.JSONEq(t, `{"percent": 1}`, string((<-client.came).Body))
	for percent := range 10 {
		s.reports.progress(task, tasks.ProgressEvent{Percent: float64(percent)})
	}
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		s.reports.flush(t.Context(), task)
	}()
	client.gate <- struct{}{}
	assert.JSONEq(t, `{"percent": 9}`, string((<-client.came).Body))
	client.gate <- struct{}{}
	<-flushed
	assert.Empty(t, client.came)

	s.reports.progress(task, tasks.ProgressEvent{Percent: 10})
	<-client.came
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(fmt.Errorf("over"))
	s.reports.flush(ended, task) // does not wait for a broker that is away
}
