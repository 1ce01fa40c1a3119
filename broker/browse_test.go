//go:build integration

package broker_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// fill publishes count messages to a queue, whose IDs are 0, 1, … and whose priorities vary, and
// returns the IDs in the order in which the queue gives them out.
func (f *fixture) fill(queue string, count int) []string {
	f.t.Helper()
	f.channel(func(ch *amqp.Channel) {
		require.NoError(f.t, ch.Confirm(false))
		var last *amqp.DeferredConfirmation
		for i := range count {
			var err error
			last, err = ch.PublishWithDeferredConfirmWithContext(f.ctx, "", queue, true, false, amqp.Publishing{
				MessageId: strconv.Itoa(i), Priority: uint8(i%9 + 1), DeliveryMode: amqp.Persistent, Body: []byte("letter"),
			})
			require.NoError(f.t, err)
		}
		confirmed, err := last.WaitContext(f.ctx)
		require.NoError(f.t, err)
		require.True(f.t, confirmed)
	})
	require.Eventually(f.t, func() bool { return f.depth(queue) == count }, patience, pollEvery)
	ids := f.browse(queue, 0)
	require.Len(f.t, ids, count)
	return ids
}

// browse returns the IDs that one look shows.
func (f *fixture) browse(queue string, limit int) []string {
	f.t.Helper()
	var ids []string
	require.NoError(f.t, f.client.Browse(f.ctx, queue, limit, func(m tasks.Message) bool {
		ids = append(ids, m.MessageID)
		return true
	}))
	return ids
}

// drain takes everything out of a queue.
func (f *fixture) drain(queue string) []string {
	f.t.Helper()
	var ids []string
	f.channel(func(ch *amqp.Channel) {
		for {
			state, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
			require.NoError(f.t, err)
			if state.Messages == 0 {
				return
			}
			deliveries, err := ch.Consume(queue, "drain", true, false, false, false, nil)
			require.NoError(f.t, err)
			for range state.Messages {
				ids = append(ids, receive(f.t, deliveries, "letter").MessageId)
			}
			require.NoError(f.t, ch.Cancel("drain", false))
			for d := range deliveries { // what arrived meanwhile
				ids = append(ids, d.MessageId)
			}
		}
	})
	return ids
}

func TestBrowseLeavesEverythingAsItWas(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	want := f.fill("email.dead", 100)
	for range 20 {
		require.Equal(t, want, f.browse("email.dead", 0))
		require.Equal(t, 100, f.depth("email.dead"))
	}
	assert.Equal(t, want, f.drain("email.dead"))
}

func TestBrowseMoreThanOneRound(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	want := f.fill("email.dead", 2000)
	for range 2 {
		require.Equal(t, want, f.browse("email.dead", 0))
	}
	require.Equal(t, want[:700], f.browse("email.dead", 700))
	require.Equal(t, 2000, f.depth("email.dead"))
	assert.Equal(t, want, f.drain("email.dead"))
}

func TestBrowsePartOfTheQueue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	want := f.fill("email.dead", 20)
	for _, limit := range []int{5, 1, 12, 20, 21, 3} {
		require.Equal(t, want[:min(limit, 20)], f.browse("email.dead", limit))
	}
	seen := 0
	require.NoError(t, f.client.Browse(f.ctx, "email.dead", 10, func(tasks.Message) bool {
		seen++
		return seen < 4
	}))
	assert.Equal(t, 4, seen)

	more := f.more("email.dead", "new")
	require.Equal(t, want[:2], f.browse("email.dead", 2))
	require.Equal(t, append(slices.Clone(want), more), f.browse("email.dead", 0))
	assert.Equal(t, append(slices.Clone(want), more), f.drain("email.dead"))
}

// Before 4.3 what is given back goes to the end of the queue, so that all has to be taken.
func TestBrowsePartOfWhatWasNeverLookedAt(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	var want []string
	for i := range 20 {
		want = append(want, strconv.Itoa(i))
		require.NoError(t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: "email.dead", MessageID: want[i]}))
	}
	require.Equal(t, want[:3], f.browse("email.dead", 3))
	require.Equal(t, want[:5], f.browse("email.dead", 5))
	assert.Equal(t, want, f.drain("email.dead"))
}

// more adds one message to a queue, which gives it out last.
func (f *fixture) more(queue, id string) string {
	f.t.Helper()
	before := f.depth(queue)
	require.NoError(f.t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: queue, MessageID: id, Priority: 1}))
	require.Eventually(f.t, func() bool { return f.depth(queue) == before+1 }, patience, pollEvery)
	return id
}

func TestBrowseShowsTheWholeMessage(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare()
	_, err := f.client.Public().Enqueue(f.ctx, tasks.Task{
		ID: "parked", Key: "nobody.wants", Payload: []byte(`{"a":1}`), Priority: 7, Headers: map[string]any{"tenant": "a"},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return f.depth("warren.unrouted") == 1 }, patience, pollEvery)
	var found []tasks.Message
	require.NoError(t, f.client.Browse(f.ctx, "warren.unrouted", 0, func(m tasks.Message) bool {
		found = append(found, m)
		return true
	}))
	require.Len(t, found, 1)
	assert.Equal(t, "parked", found[0].MessageID)
	assert.Equal(t, "nobody.wants", found[0].RoutingKey)
	assert.Equal(t, `{"a":1}`, string(found[0].Body))
	assert.EqualValues(t, 7, found[0].Priority)
	assert.Equal(t, "a", found[0].Headers["tenant"])
}

func TestBrowseEmptyQueue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	assert.Empty(t, f.browse("email.dead", 0))
	assert.Empty(t, f.browse("warren.unrouted", 3))
}

func TestBrowseAsOthersSeeIt(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	want := f.fill("email.dead", 10)
	require.NoError(t, f.client.Browse(f.ctx, "email.dead", 0, func(m tasks.Message) bool {
		if m.MessageID != want[9] {
			return true
		}
		depth, err := f.client.Depth(f.ctx, "email.dead")
		assert.NoError(t, err)
		assert.Zero(t, depth.Ready, "all are with us")
		assert.Empty(t, f.browse("email.dead", 0), "and not with another")
		return true
	}))
	require.Equal(t, want, f.browse("email.dead", 0))
}

// Several who look at once take letters from each other, and lose none.
func TestBrowseByMany(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	want := f.fill("email.dead", 200)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			assert.NoError(t, f.client.Browse(f.ctx, "email.dead", 0, func(tasks.Message) bool { return true }))
		})
	}
	all.Wait()
	assert.Equal(t, 200, f.depth("email.dead"))
	assert.ElementsMatch(t, want, f.drain("email.dead"))
}

func TestBrowseCancelled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	want := f.fill("email.dead", 50)
	ctx, cancel := context.WithCancel(f.ctx)
	seen := 0
	err := f.client.Browse(ctx, "email.dead", 0, func(tasks.Message) bool {
		if seen++; seen == 7 {
			cancel()
		}
		return true
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, seen, 51)
	require.Equal(t, 50, f.depth("email.dead"))
	assert.Equal(t, want, f.drain("email.dead"))
}

func TestBrowseClassicQueue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declareQueue("email.dead", amqp.Table{"x-queue-type": "classic"})
	want := f.fill("email.dead", 100)
	for _, limit := range []int{3, 50, 0} {
		f.browse("email.dead", limit)
	}
	assert.Equal(t, want, f.drain("email.dead"))
}
