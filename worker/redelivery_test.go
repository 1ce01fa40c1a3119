package worker

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

// blockedPublisher is a broker's that takes no messages: what is published waits until it is given up.
type blockedPublisher struct{ waiting chan tasks.Message }

func (p blockedPublisher) PublishWhile(ctx, while context.Context, m tasks.Message) error {
	p.waiting <- m
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", broker.ErrBlocked, ctx.Err())
	case <-while.Done():
		return fmt.Errorf("%w: %w", broker.ErrBlocked, while.Err())
	}
}

func newInspectingQueue(clock clockwork.Clock, client publisher) *queue {
	works, log := newWorks(time.Now), slog.New(slog.DiscardHandler)
	return &queue{
		cfg: Queue{Name: "q", Mux: tasks.NewMux(), Retry: tasks.RetryPolicy{}.WithDefaults()}, clock: clock, log: log,
		works: works, buffer: newBuffer(clock, 0, 0), settling: context.Background(),
		settler: settler{client: client, queue: "q", works: works, clock: clock, log: log},
	}
}

// While RabbitMQ takes no messages, under an alarm, the redelivered tasks of a classic queue are run
// all the same: their backlog may be what the alarm is about.
func TestRedeliveredTaskRunsThoughItCannotBeCounted(t *testing.T) {
	t.Parallel()
	clock := clockwork.NewFakeClock()
	client := blockedPublisher{make(chan tasks.Message, 1)}
	q := newInspectingQueue(clock, client)
	it := (&fakeDelivery{session: newFakeSession(), message: &fakeMessage{id: "x", redelivered: true}}).item(q.works)
	require.True(t, q.inspect(it, true))
	assert.EqualValues(t, 1, (<-client.waiting).Headers[tasks.HeaderRedeliveries])
	clock.Advance(replacePatience)
	q.settled.Wait()
	assert.Empty(t, q.works.running, "it has not begun")
	assert.Same(t, it, q.buffer.take())
}

// Where its session is lost meanwhile it is RabbitMQ's again.
func TestRedeliveredTaskIsLostWhileItIsCounted(t *testing.T) {
	t.Parallel()
	client := blockedPublisher{make(chan tasks.Message, 10)}
	q := newInspectingQueue(clockwork.NewFakeClock(), client)
	session := newFakeSession()
	it := (&fakeDelivery{session: session, message: &fakeMessage{id: "x", redelivered: true}}).item(q.works)
	require.True(t, q.inspect(it, true))
	<-client.waiting
	session.lose()
	q.settled.Wait()
	assert.Empty(t, q.works.running)
	assert.Empty(t, q.buffer.close())
}

// A dead letter that somebody publishes again, or a foreign message with such a header, is run: only
// what is given out again counts.
func TestFirstDeliveryIsNoCrashLoop(t *testing.T) {
	t.Parallel()
	q := newInspectingQueue(clockwork.NewFakeClock(), blockedPublisher{})
	it := (&fakeDelivery{session: newFakeSession(), message: &fakeMessage{id: "x"}}).item(q.works)
	it.task.Redeliveries = crashLimit
	assert.False(t, q.inspect(it, false))
	assert.Empty(t, q.works.running)
}
