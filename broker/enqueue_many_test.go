//go:build integration

package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

var (
	_ tasks.ManyEnqueuer = (*broker.Client)(nil)
	_ tasks.ManyEnqueuer = broker.Entrance{}
	_ tasks.Enqueuer     = broker.Entrance{}
)

// numbered are tasks whose IDs tell their order.
func numbered(count int, payload []byte) []tasks.Task {
	many := make([]tasks.Task, count)
	for i := range many {
		many[i] = tasks.Task{ID: fmt.Sprint(i), Key: "email.x", Payload: payload}
	}
	return many
}

// arrived returns the IDs of what is in a queue, in its order, up to and without a last message that
// it publishes itself.
func (f *fixture) arrived(queue string) []string {
	f.t.Helper()
	const last = "the last"
	require.NoError(f.t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: queue, MessageID: last}))
	found := make(chan string, 1000)
	consumer := f.consume(f.client, queue, 500, func(d *broker.Delivery) {
		found <- d.Message.MessageID
		assert.NoError(f.t, d.Ack())
	})
	var ids []string
	for id := receive(f.t, found, "a task"); id != last; id = receive(f.t, found, "a task") {
		ids = append(ids, id)
	}
	consumer.Close()
	return ids
}

func TestEnqueueManyTellsOfEach(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *broker.Config) { c.MaxMessageBytes = 1000 })
	f.declare(queue(t, "email", "email.#"))
	assert.Empty(t, f.client.EnqueueMany(f.ctx, nil))

	at := time.Now().Add(3 * time.Second)
	many := []tasks.Task{
		{Key: "email.ok", Priority: 7, Payload: []byte("1")},
		{Key: "nobody.wants"},
		{Key: "email.big", Payload: make([]byte, 1001)},
		{Key: "email. x"},
		{Key: "email.later", NotBefore: at, Priority: 3},
		{Key: "email.x", UserID: "somebody"},
		{Key: "email.x", NotBefore: time.Now().Add(366 * 24 * time.Hour)},
		{ID: "mine", Key: "email.mine"},
	}
	outcomes := f.client.EnqueueMany(f.ctx, many)
	require.Len(t, outcomes, len(many))
	for i, want := range []error{
		nil, broker.ErrUnroutable, broker.ErrTooLarge, routing.ErrInvalidKey, nil, tasks.ErrInvalidTask, routing.ErrDelayTooLong, nil,
	} {
		require.ErrorIs(t, outcomes[i].Err, want, i)
		id, err := f.client.Enqueue(f.ctx, many[i])
		require.ErrorIs(t, err, want, "as Enqueue")
		require.Equal(t, id != "", outcomes[i].ID != "", i)
	}
	var publishErr *broker.PublishError
	require.ErrorAs(t, outcomes[1].Err, &publishErr)
	assert.Equal(t, broker.PublishError{ID: outcomes[1].ID, Exchange: "warren.strict", Key: "nobody.wants", Err: broker.ErrUnroutable}, *publishErr)
	assert.Equal(t, "mine", outcomes[7].ID)

	d := f.get("email")
	assert.Equal(t, outcomes[0].ID, d.MessageId)
	assert.EqualValues(t, 7, d.Priority)
	assert.Equal(t, "1", string(d.Body))
	for d = f.get("email"); d.MessageId != outcomes[4].ID; d = f.get("email") {
		continue
	}
	assert.Less(t, time.Until(at), routing.LadderTick+routing.LadderLead, "through the ladder")
	assert.EqualValues(t, 3, d.Priority)

	outcomes = f.client.Public().EnqueueMany(f.ctx, many[:2])
	require.NoError(t, outcomes[1].Err, "the public entrance parks")
	assert.Equal(t, outcomes[1].ID, f.get("warren.unrouted").MessageId)
}

func TestEnqueueManyByDefinition(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	welcome := tasks.Define[int]("email.welcome")
	for i, outcome := range welcome.EnqueueMany(f.ctx, f.client, []int{0, 1, 2}, tasks.Priority(5)) {
		require.NoError(t, outcome.Err)
		d := f.get("email")
		assert.Equal(t, outcome.ID, d.MessageId)
		assert.Equal(t, fmt.Sprint(i), string(d.Body))
		assert.EqualValues(t, 5, d.Priority)
	}
}

func TestEnqueueManyKeepsOrder(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	many := numbered(5000, []byte("0123456789"))
	for i, outcome := range f.client.EnqueueMany(f.ctx, many) {
		require.NoError(t, outcome.Err)
		require.Equal(t, many[i].ID, outcome.ID)
	}
	for i, id := range f.arrived("email") {
		require.Equal(t, many[i].ID, id)
	}
}

func TestEnqueueManyOf50000(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	for _, outcome := range f.client.EnqueueMany(ctx, numbered(50_000, make([]byte, 256))) {
		require.NoError(t, outcome.Err)
	}
	depth, err := f.client.Depth(ctx, "email")
	require.NoError(t, err)
	assert.Equal(t, 50_000, depth.Ready)
}

func TestEnqueueManyConcurrently(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *broker.Config) { c.Window = 64 })
	f.declare(queue(t, "email", "email.#"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			many := make([]tasks.Task, 1000)
			for i := range many {
				many[i].Key = "email.x"
				if i%7 == 0 {
					many[i].Key = "nobody.wants"
				}
			}
			for i, outcome := range f.client.EnqueueMany(f.ctx, many) {
				if i%7 == 0 {
					assert.ErrorIs(t, outcome.Err, broker.ErrUnroutable)
				} else {
					assert.NoError(t, outcome.Err)
				}
			}
		})
	}
	worst := time.Duration(0)
	for range 20 { // one among many is served
		began := time.Now()
		f.enqueue("email.one")
		worst = max(worst, time.Since(began))
	}
	all.Wait()
	t.Logf("worst Enqueue beside: %s", worst)
	assert.Len(t, f.arrived("email"), 8*(1000-143)+20)
}

// tally checks what is said of tasks against what arrived of them, and returns how many were
// confirmed and how many left open.
func (f *fixture) tally(many []tasks.Task, outcomes []tasks.Enqueued) (confirmed, open int) {
	f.t.Helper()
	require.Len(f.t, outcomes, len(many))
	there := map[string]bool{}
	for _, id := range f.arrived("email") {
		there[id] = true
	}
	for i, outcome := range outcomes {
		require.Equal(f.t, many[i].ID, outcome.ID)
		switch {
		case outcome.Err == nil:
			confirmed++
			require.True(f.t, there[outcome.ID], "%s was said to have arrived", outcome.ID)
		case errors.Is(outcome.Err, broker.ErrUnconfirmed):
			open++
		default:
			require.False(f.t, there[outcome.ID], "%s was said not to have been sent: %v", outcome.ID, outcome.Err)
		}
	}
	return confirmed, open
}

func TestEnqueueManyOverALostConnection(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	many := numbered(10_000, make([]byte, 256))
	results := make(chan []tasks.Enqueued, 1)
	go func() { results <- client.EnqueueMany(f.ctx, many) }()
	depth := 0
	for range 3 {
		depth = f.awaitDepth(depth)
		proxy.Cut()
		f.awaitReconnect(client)
	}
	outcomes := receive(t, results, "the outcomes")
	for _, outcome := range outcomes {
		if outcome.Err != nil {
			require.ErrorIs(t, outcome.Err, broker.ErrUnconfirmed)
		}
	}
	confirmed, open := f.tally(many, outcomes)
	t.Logf("%d confirmed, %d open", confirmed, open)
	assert.Positive(t, confirmed)
}

// awaitDepth waits until more than a number of messages have come to the queue.
func (f *fixture) awaitDepth(more int) int {
	f.t.Helper()
	ready := 0
	f.channel(func(ch *amqp.Channel) {
		require.Eventually(f.t, func() bool {
			q, err := ch.QueueDeclarePassive("email", true, false, false, false, nil)
			require.NoError(f.t, err)
			ready = q.Messages
			return ready > more
		}, patience, time.Millisecond)
	})
	return ready
}

func TestEnqueueManyUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	many := numbered(10_000, make([]byte, 256))
	ctx, cancel := context.WithCancel(f.ctx)
	results := make(chan []tasks.Enqueued, 1)
	go func() { results <- client.EnqueueMany(ctx, many) }()
	f.awaitDepth(0)
	proxy.StallUpstream()
	require.Eventually(t, func() bool { // nothing more gets through
		probe, cancel := context.WithTimeout(f.ctx, 50*time.Millisecond)
		defer cancel()
		return errors.Is(client.Publish(probe, tasks.Message{RoutingKey: "email"}), context.DeadlineExceeded)
	}, patience, time.Millisecond)
	cancel()
	outcomes := receive(t, results, "the outcomes")
	for _, outcome := range outcomes {
		if outcome.Err != nil {
			require.ErrorIs(t, outcome.Err, context.Canceled)
			var publishErr *broker.PublishError
			require.ErrorAs(t, outcome.Err, &publishErr)
			require.Equal(t, outcome.ID, publishErr.ID)
		}
	}
	proxy.Resume()
	_, err := client.Enqueue(f.ctx, tasks.Task{ID: "after", Key: "email.x"})
	require.NoError(t, err, "what was abandoned keeps nobody back")
	confirmed, open := f.tally(many, outcomes)
	t.Logf("%d confirmed, %d open", confirmed, open)
	assert.Positive(t, open)
	assert.Less(t, confirmed+open, len(many))

	outcomes = client.EnqueueMany(ctx, numbered(3, nil))
	for _, outcome := range outcomes {
		require.ErrorIs(t, outcome.Err, context.Canceled, "a context that has ended before")
	}
	client.Close()
	for _, outcome := range client.EnqueueMany(f.ctx, numbered(3, nil)) {
		require.ErrorIs(t, outcome.Err, broker.ErrClosed)
	}
}

// For as long as something gets its outcome the call goes on; then it ends by the publish timeout.
func TestEnqueueManyEndsByThePublishTimeout(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) {
		c.URLs, c.PublishTimeout = []string{proxy.URL()}, 500*time.Millisecond
	})
	many := numbered(5, nil)
	for _, outcome := range client.EnqueueMany(f.ctx, many) {
		require.NoError(t, outcome.Err)
	}
	proxy.DropDownstream(true)
	for _, outcome := range client.EnqueueMany(f.ctx, many) {
		require.ErrorIs(t, outcome.Err, broker.ErrUnconfirmed)
		require.ErrorIs(t, outcome.Err, context.DeadlineExceeded)
	}
	proxy.Refuse(true)
	proxy.Cut()
	require.Eventually(t, func() bool { return client.Ready() != nil }, patience, time.Millisecond)
	for _, outcome := range client.EnqueueMany(f.ctx, many) {
		require.ErrorIs(t, outcome.Err, broker.ErrNotConnected)
	}
}

// RabbitMQ closes the channel over one message: that one is told so, those around it that they may
// have arrived, and what comes after goes on.
func TestEnqueueManyAroundAMessageThatTheBrokerRefuses(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *broker.Config) { c.MaxMessageBytes = 1 << 30 })
	f.declare(queue(t, "email", "email.#"))
	limit := 128 << 20
	if f.client.Version().AtLeast(4, 0) {
		limit = 16 << 20
	}
	many := numbered(5000, []byte(strings.Repeat("x", 100)))
	many[100].Payload = make([]byte, limit+1)
	outcomes := f.client.EnqueueMany(f.ctx, many)
	require.ErrorIs(t, outcomes[100].Err, broker.ErrTooLarge)
	require.NoError(t, outcomes[len(outcomes)-1].Err)
	outcomes[100].Err = broker.ErrTooLarge
	confirmed, open := f.tally(many, outcomes)
	t.Logf("%d confirmed, %d open", confirmed, open)
	require.Equal(t, len(many)-1, confirmed+open)
}
