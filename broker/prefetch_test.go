//go:build integration

package broker_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
)

// waiting returns how many messages wait in a queue and how many consumers it has.
func (f *fixture) waiting(queue string) (ready, consumers int) {
	f.t.Helper()
	f.channel(func(ch *amqp.Channel) {
		q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		require.NoError(f.t, err)
		ready, consumers = q.Messages, q.Consumers
	})
	return ready, consumers
}

// awaitWaiting waits for an exact number of messages to wait in a queue that is consumed.
func (f *fixture) awaitWaiting(queue string, want int, why string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		ready, consumers := f.waiting(queue)
		return ready == want && consumers > 0 // a quorum queue counts cancelled ones that hold deliveries
	}, patience, 20*time.Millisecond, why)
}

func TestSetPrefetch(t *testing.T) {
	t.Parallel()
	eachType(t, func(t *testing.T, f *fixture) {
		proxy := brokertest.NewProxy(t, f.vhost.URL)
		client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
		f.publish("work", 0, 100)
		deliveries := make(chan *broker.Delivery, 1000)
		k := f.consume(client, "work", 5, func(d *broker.Delivery) { deliveries <- d })
		f.awaitWaiting("work", 95, "the first prefetch is 5")
		require.Equal(t, 5, k.Prefetch())

		k.SetPrefetch(7)
		k.SetPrefetch(30)
		k.SetPrefetch(20)
		require.Eventually(t, func() bool { return k.Prefetch() == 20 }, patience, time.Millisecond)
		f.awaitWaiting("work", 75, "20 more; none of those between was taken for longer than the newest")
		require.NoError(t, k.Ready())

		k.SetPrefetch(1)
		require.Eventually(t, func() bool { return k.Prefetch() == 1 }, patience, time.Millisecond)
		f.awaitWaiting("work", 74, "1 more")
		for id := range 26 {
			d := receive(t, deliveries, "a task")
			require.Equal(t, strconv.Itoa(id), d.Message.MessageID, "in order: the window was full at each change")
			require.False(t, d.Redelivered)
			require.NoError(t, d.Ack())
		}
		for id := 26; id < 40; id++ {
			d := receive(t, deliveries, "a task")
			require.Equal(t, strconv.Itoa(id), d.Message.MessageID)
			f.awaitWaiting("work", 99-id, "one at a time")
			require.Empty(t, deliveries)
			require.NoError(t, d.Ack())
		}

		last := receive(t, deliveries, "a task")
		k.SetPrefetch(0)
		k.SetPrefetch(100_000)
		require.Eventually(t, func() bool { return k.Prefetch() == 65535 }, patience, time.Millisecond, "counts as the bound")
		k.SetPrefetch(3)
		require.Eventually(t, func() bool { return k.Prefetch() == 3 }, patience, time.Millisecond)
		proxy.Cut()
		require.Eventually(t, last.Lost, patience, time.Millisecond)
		f.awaitWaiting("work", 57, "it lasts over sessions")
		require.Equal(t, 3, k.Prefetch())
	})
}

// While the prefetch changes all the time nothing is lost or doubled, and of a classic queue nothing
// reordered. A quorum queue may take back what is on its way to the consumer before, and a loaded
// machine is slow enough for that; what is taken back has never reached us.
func TestSetPrefetchUnderLoad(t *testing.T) {
	t.Parallel()
	eachType(t, func(t *testing.T, f *fixture) {
		isClassic := strings.HasSuffix(t.Name(), "classic")
		const total = 5000
		f.publish("work", 0, total)
		deliveries := make(chan *broker.Delivery, total)
		k := f.consume(f.client, "work", 10, func(d *broker.Delivery) { deliveries <- d })
		changes, stop := 0, make(chan struct{})
		var changer sync.WaitGroup
		changer.Go(func() {
			for {
				n := 1 + rand.IntN(400)
				k.SetPrefetch(n)
				for k.Prefetch() != n {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
					}
				}
				changes++
			}
		})
		seen, takenBack := map[string]bool{}, 0
		for range total {
			d := receive(t, deliveries, "a task")
			if isClassic {
				require.Equal(t, strconv.Itoa(len(seen)), d.Message.MessageID)
				require.False(t, d.Redelivered)
			}
			require.False(t, seen[d.Message.MessageID], "twice")
			seen[d.Message.MessageID] = true
			if d.Redelivered {
				takenBack++
			}
			require.NoError(t, d.Ack())
		}
		close(stop)
		changer.Wait()
		t.Logf("%d changes, %d of %d taken back on their way", changes, takenBack, total)
		require.Greater(t, changes, 5)
		require.NoError(t, k.Cancel(f.ctx))
		k.Close()
		require.Zero(t, f.depth("work"))
	})
}

func TestSetPrefetchAndCancel(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declareQueue("work", amqp.Table{"x-queue-type": "quorum"})
	const total = 200
	f.publish("work", 0, total)
	for round := range 20 {
		var mu sync.Mutex
		over := false
		k := f.consume(f.client, "work", 3, func(d *broker.Delivery) {
			mu.Lock()
			defer mu.Unlock()
			assert.False(t, over, "given after Cancel")
			assert.NoError(t, d.Requeue())
		})
		require.Eventually(t, func() bool { return k.Ready() == nil }, patience, time.Millisecond)
		var setter sync.WaitGroup
		setter.Go(func() {
			for n := range 1 + round {
				k.SetPrefetch(4 + n)
			}
		})
		require.NoError(t, k.Cancel(f.ctx))
		mu.Lock()
		over = true
		mu.Unlock()
		setter.Wait()
		require.ErrorIs(t, k.Ready(), broker.ErrNotConnected)
		k.Close()
	}
	assert.Equal(t, total, f.depth("work"))
}

func TestSetPrefetchWhileTheBrokerCancels(t *testing.T) {
	t.Parallel()
	f := setup(t)
	declare := func(context.Context) error {
		f.declareQueue("work", amqp.Table{"x-queue-type": "quorum"})
		return nil
	}
	require.NoError(t, declare(f.ctx))
	deliveries := make(chan *broker.Delivery, 100)
	k, err := f.client.NewConsumer(broker.ConsumerConfig{
		Queue: "work", Prefetch: 3, Prepare: declare,
		Deliver: func(d *broker.Delivery) { deliveries <- d },
	})
	require.NoError(t, err)
	defer k.Close()
	stop := make(chan struct{})
	var setter sync.WaitGroup
	setter.Go(func() {
		for n := 1; ; n++ {
			k.SetPrefetch(1 + n%50)
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	for round := range 5 {
		f.publish("work", round, 1)
		d := receive(t, deliveries, "the task")
		require.Equal(t, strconv.Itoa(round), d.Message.MessageID)
		require.NoError(t, d.Ack())
		f.channel(func(ch *amqp.Channel) {
			_, err := ch.QueueDelete("work", false, false, false)
			require.NoError(t, err)
		})
		require.Eventually(t, func() bool { return d.Context().Err() != nil && k.Ready() == nil }, patience, time.Millisecond)
	}
	close(stop)
	setter.Wait()
	require.Eventually(t, func() bool {
		_, consumers := f.waiting("work")
		return consumers == 1
	}, patience, 20*time.Millisecond)
}

func TestReadyOnlyWithAConsumer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var k *broker.Consumer
	made, prepared := make(chan struct{}), make(chan error, 100)
	may := make(chan struct{})
	k, err := f.client.NewConsumer(broker.ConsumerConfig{
		Queue: "work", Prefetch: 3, Deliver: func(*broker.Delivery) {},
		Prepare: func(ctx context.Context) error {
			<-made
			prepared <- k.Ready()
			select {
			case <-may:
				f.declareQueue("work", nil)
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	require.NoError(t, err)
	defer k.Close()
	close(made)
	require.ErrorIs(t, receive(t, prepared, "Prepare, on a connection"), broker.ErrNotConnected)
	close(may)
	require.Eventually(t, func() bool { return k.Ready() == nil }, patience, time.Millisecond)
	_, consumers := f.waiting("work")
	require.Equal(t, 1, consumers)
	require.NoError(t, k.Cancel(f.ctx))
	require.ErrorIs(t, k.Ready(), broker.ErrNotConnected)
}
