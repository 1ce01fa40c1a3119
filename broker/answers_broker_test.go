//go:build integration

package broker_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
)

// eachType runs a test on a queue of each type.
func eachType(t *testing.T, test func(t *testing.T, f *fixture)) {
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.declareQueue("work", amqp.Table{"x-queue-type": kind})
			test(t, f)
		})
	}
}

// publish publishes messages with the IDs from, from+1, …, confirmed, in this order.
func (f *fixture) publish(queue string, from, count int) {
	f.t.Helper()
	f.channel(func(ch *amqp.Channel) {
		require.NoError(f.t, ch.Confirm(false))
		last := make([]*amqp.DeferredConfirmation, count)
		for i := range count {
			var err error
			last[i], err = ch.PublishWithDeferredConfirmWithContext(f.ctx, "", queue, true, false,
				amqp.Publishing{MessageId: strconv.Itoa(from + i), DeliveryMode: amqp.Persistent})
			require.NoError(f.t, err)
		}
		for _, c := range last {
			confirmed, err := c.WaitContext(f.ctx)
			require.NoError(f.t, err)
			require.True(f.t, confirmed)
		}
	})
}

// Deliveries are finished in any order, by many, behind one that takes until the end, and some go
// back: each is done once, on one session, though frames stand for many.
func TestAnswersInAnyOrder(t *testing.T) {
	t.Parallel()
	eachType(t, func(t *testing.T, f *fixture) {
		const total = 3000
		f.publish("work", 0, total)
		deliveries := make(chan *broker.Delivery, total)
		f.consume(f.client, "work", 300, func(d *broker.Delivery) { deliveries <- d })
		slow := receive(t, deliveries, "the slow one")
		var mu sync.Mutex
		done := map[string]int{}
		var workers sync.WaitGroup
		all := make(chan struct{})
		for range 8 {
			workers.Go(func() {
				for {
					select {
					case d := <-deliveries:
						if !d.Redelivered && rand.IntN(10) == 0 {
							assert.NoError(t, d.Requeue())
							continue
						}
						assert.NoError(t, d.Ack())
						mu.Lock()
						if done[d.Message.MessageID]++; len(done) == total-1 {
							close(all)
						}
						mu.Unlock()
					case <-all:
						return
					case <-f.ctx.Done():
						return
					}
				}
			})
		}
		workers.Wait()
		require.NoError(t, f.ctx.Err(), "%d done", len(done))
		for id, times := range done {
			require.Equal(t, 1, times, id)
		}
		require.False(t, slow.Lost(), "no answer has closed the channel")
		require.NoError(t, slow.Ack())
		require.Eventually(t, func() bool {
			s := f.stats("work")
			return s.Consumers == 1 && s.Ready == 0 && s.Unacked == 0
		}, patience, 200*time.Millisecond)
	})
}

// An ack is written though nothing else happens.
func TestAckOfAFewIsWrittenByItself(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declareQueue("work", amqp.Table{"x-queue-type": "quorum"})
	f.publish("work", 0, 3)
	deliveries := make(chan *broker.Delivery, 3)
	f.consume(f.client, "work", 1000, func(d *broker.Delivery) { deliveries <- d })
	held := receive(t, deliveries, "a task")
	for range 2 {
		require.NoError(t, receive(t, deliveries, "a task").Ack())
	}
	require.Eventually(t, func() bool {
		s := f.stats("work")
		return s.Consumers == 1 && s.Ready == 0 && s.Unacked == 1
	}, patience, 200*time.Millisecond)
	require.NoError(t, held.Ack())
	require.ErrorIs(t, held.Ack(), broker.ErrAnswered)
	require.ErrorIs(t, held.Requeue(), broker.ErrAnswered)
	require.False(t, held.Lost())
}

// What was acked before a clean stop is not given out again.
func TestCleanStopWritesEveryAck(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*fixture, *broker.Consumer){
		"cancel and close": func(f *fixture, k *broker.Consumer) {
			require.NoError(f.t, k.Cancel(f.ctx))
			k.Close()
		},
		"close": func(_ *fixture, k *broker.Consumer) { k.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachType(t, func(t *testing.T, f *fixture) {
				f.publish("work", 0, 20)
				for round := range 10 {
					deliveries := make(chan *broker.Delivery, 20)
					k := f.consume(f.client, "work", 1000, func(d *broker.Delivery) { deliveries <- d })
					for range 20 - round {
						d := receive(t, deliveries, "a task")
						if d.Message.MessageID == strconv.Itoa(round) { // one a round, the last thing that is done
							defer func() { assert.ErrorIs(t, d.Ack(), broker.ErrSessionLost) }()
							require.NoError(t, d.Ack())
						}
					}
					stop(f, k)
				}
				assert.Equal(t, 10, f.depth("work"))
			})
		})
	}
}

// The end of a session's context is seen before anything of the next session.
func TestContextIsDoneBeforeTheNextSession(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	f.enqueue("email.1")
	var last *broker.Delivery
	delivered := make(chan struct{}, 10)
	f.consume(client, "email", 10, func(d *broker.Delivery) {
		if last != nil {
			assert.Error(t, last.Context().Err())
			assert.True(t, last.Lost())
			assert.ErrorIs(t, last.Ack(), broker.ErrSessionLost)
		}
		last = d
		assert.NoError(t, d.Context().Err())
		delivered <- struct{}{}
	})
	for range 5 {
		receive(t, delivered, "the task")
		proxy.Cut()
	}
	receive(t, delivered, "the task")
}
