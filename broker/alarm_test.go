//go:build integration

package broker_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// An alarm blocks publishers: what is not sent when the context ends is ErrBlocked alone, what was
// sent may have arrived. Consumers go on, and publishers too once the alarm is over.
func TestAlarm(t *testing.T) {
	t.Parallel()
	b := brokertest.Private(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	vhost, err := b.NewVhost(ctx, "alarm")
	require.NoError(t, err)
	f := &fixture{t: t, ctx: ctx, vhost: vhost}
	f.client = f.connect()
	f.declare(queue(t, "email", "email.#"))
	f.enqueue("email.before")
	brokertest.SetAlarm(t, b, true)

	brief, cancelBrief := context.WithTimeout(ctx, 2*time.Second)
	defer cancelBrief()
	for { // the broker blocks a connection when that publishes
		if _, err = f.client.Enqueue(brief, tasks.Task{Key: "email.first"}); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, broker.ErrBlocked)
	require.ErrorIs(t, f.client.Ready(), broker.ErrBlocked)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			_, err := f.client.Enqueue(short, tasks.Task{Key: "email.not", Payload: make([]byte, 1<<20)})
			assert.ErrorIs(t, err, broker.ErrBlocked)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.NotErrorIs(t, err, broker.ErrUnconfirmed, "it was not sent")
		})
	}
	all.Go(func() {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		for _, outcome := range f.client.EnqueueMany(short, slices.Repeat([]tasks.Task{{Key: "email.not"}}, 5000)) {
			assert.ErrorIs(t, outcome.Err, broker.ErrBlocked)
			assert.ErrorIs(t, outcome.Err, context.DeadlineExceeded)
			assert.NotErrorIs(t, outcome.Err, broker.ErrUnconfirmed, "it was not sent")
		}
	})
	all.Wait()
	abandoned := enqueueAbandoned(ctx, t, f.client)
	require.Eventually(t, func() bool {
		runtime.GC()
		return abandoned.Value() == nil
	}, patience, time.Millisecond, "the payload of a task that its caller has given up")

	keys := make(chan string, 100)
	f.consume(f.client, "email", 10, func(d *broker.Delivery) {
		keys <- d.Message.RoutingKey
		assert.NoError(t, d.Ack())
	})
	require.Equal(t, "email.before", receive(t, keys, "what was published before, during the alarm"))

	late := make(chan error, 1)
	go func() {
		_, err := f.client.Enqueue(ctx, tasks.Task{Key: "email.late"})
		late <- err
	}()
	other := f.connect()
	stuck := make(chan error, 1)
	go func() {
		_, err := other.Enqueue(ctx, tasks.Task{Key: "email.first"})
		for err == nil {
			_, err = other.Enqueue(ctx, tasks.Task{Key: "email.first"})
		}
		stuck <- err
	}()
	require.Eventually(t, func() bool { return errors.Is(other.Ready(), broker.ErrBlocked) }, patience, time.Millisecond)
	within(t, prompt, "Close of a blocked client", other.Close)
	err = receive(t, stuck, "the answer of a closed client")
	assert.True(t, errors.Is(err, broker.ErrClosed) || errors.Is(err, broker.ErrUnconfirmed), "%v", err)
	assert.Empty(t, late, "the first client is still blocked")

	brokertest.SetAlarm(t, b, false)
	require.NoError(t, receive(t, late, "what waited for the end of the alarm"))
	for key := ""; key != "email.late"; key = receive(t, keys, "what was published after the alarm") {
		assert.NotEqual(t, "email.not", key)
	}
	require.NoError(t, f.client.Ready())
}

// enqueueAbandoned enqueues a task that is not sent in time, and returns where its payload was.
func enqueueAbandoned(ctx context.Context, t *testing.T, client *broker.Client) weak.Pointer[[1 << 20]byte] {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	payload := new([1 << 20]byte)
	_, err := client.Enqueue(short, tasks.Task{Key: "email.not", Payload: payload[:]})
	require.ErrorIs(t, err, broker.ErrBlocked)
	return weak.Make(payload)
}
