//go:build integration

package deadletter_test

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

var _ deadletter.Sifter = (*broker.Client)(nil)

// A replay that loses its connections loses no letter, doubles at most what it tells, and goes on where it
// was when it is run again.
func TestReplayLosesItsConnections(t *testing.T) {
	t.Parallel()
	vhost := brokertest.NewVhost(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	proxy := brokertest.NewProxy(t, vhost.URL)
	client, err := broker.Connect(ctx, broker.Config{
		URLs: []string{proxy.URL()}, BackoffMax: 100 * time.Millisecond, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Declare(ctx, routing.Spec{Queues: []routing.QueueSpec{{Name: "email"}}}))

	const count, untilCut, publishers = 1000, 400, 20
	var publishing sync.WaitGroup
	for first := range publishers {
		publishing.Go(func() {
			for n := first; n < count; n += publishers {
				m := workerLetter(t, strconv.Itoa(n), "email.welcome", tasks.ReasonPermanent)
				m.Exchange, m.RoutingKey, m.UserID = "", "email.dead", ""
				assert.NoError(t, client.Publish(ctx, m))
			}
		})
	}
	publishing.Wait()

	told := 0
	cfg := deadletter.ReplayConfig{User: client.User(), Sweep: deadletter.Sweep{Queue: "email.dead", Tell: func(deadletter.Outcome) {
		if told++; told == untilCut {
			proxy.Cut()
		}
	}}}
	counts, err := deadletter.Replay(ctx, client, client, cfg)
	require.ErrorIs(t, err, broker.ErrNotConnected)
	assert.GreaterOrEqual(t, counts.Replayed, untilCut)
	assert.Less(t, counts.Seen, count)
	require.Eventually(t, func() bool { // until the broker has noticed, and all that is left is back
		again, err := deadletter.Replay(ctx, client, client, cfg)
		require.NoError(t, err)
		assert.Zero(t, again.Failed)
		dead, err := client.Depth(ctx, "email.dead")
		require.NoError(t, err)
		return dead == broker.Depth{}
	}, patience, 20*time.Millisecond)

	ids := publishedTo(ctx, t, client, vhost.URL, "email")
	for n := range count {
		require.Positive(t, ids[strconv.Itoa(n)], "%d is lost", n)
		ids[strconv.Itoa(n)]--
	}
	twice := 0
	for _, n := range ids {
		twice += n
	}
	assert.LessOrEqual(t, twice, counts.Doubtful)
}

// publishedTo takes all out of a queue, and returns how often each ID lay there.
func publishedTo(ctx context.Context, t *testing.T, client *broker.Client, url, queue string) map[string]int {
	t.Helper()
	depth, err := client.Depth(ctx, queue)
	require.NoError(t, err)
	conn, err := amqp.Dial(url)
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	channel, err := conn.Channel()
	require.NoError(t, err)
	deliveries, err := channel.Consume(queue, "", true, false, false, false, nil)
	require.NoError(t, err)
	ids := map[string]int{}
	for range depth.Ready {
		select {
		case d := <-deliveries:
			ids[d.MessageId]++
		case <-ctx.Done():
			require.NoError(t, ctx.Err(), "after %d of %d", len(ids), depth.Ready)
		}
	}
	return ids
}
