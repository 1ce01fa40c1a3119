//go:build integration

package broker_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/logtest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

func TestEnqueueIsConfirmedAndRouted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"), queue(t, "audit", "#"))
	id, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "email.welcome", Payload: []byte(`{"user":7}`), Priority: 7})
	require.NoError(t, err)
	for _, name := range []string{"email", "audit"} {
		d := f.get(name)
		assert.Equal(t, id, d.MessageId)
		assert.Equal(t, "email.welcome", d.RoutingKey)
		assert.Equal(t, "warren.strict", d.Exchange)
		assert.Equal(t, `{"user":7}`, string(d.Body))
		assert.EqualValues(t, 7, d.Priority)
		assert.Equal(t, amqp.Persistent, d.DeliveryMode)
		assert.Equal(t, "application/json", d.ContentType)
		assert.Equal(t, f.client.User(), d.UserId)
	}
}

func TestUnroutable(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))

	t.Run("the strict entrance tells", func(t *testing.T) {
		id, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "nobody.wants"})
		require.ErrorIs(t, err, broker.ErrUnroutable)
		var publishErr *broker.PublishError
		require.ErrorAs(t, err, &publishErr)
		assert.Equal(t, id, publishErr.ID)
		assert.Equal(t, "nobody.wants", publishErr.Key)
	})
	t.Run("the public entrance parks", func(t *testing.T) {
		id, err := f.client.Public().Enqueue(f.ctx, tasks.Task{Key: "nobody.wants", Payload: []byte("1")})
		require.NoError(t, err)
		assert.Equal(t, id, f.get("warren.unrouted").MessageId)
	})
	t.Run("returns are told apart under load", func(t *testing.T) {
		var all sync.WaitGroup
		failures := make([]error, 400)
		for i := range failures {
			key := "email.x"
			if i%3 == 0 {
				key = "nobody.x"
			}
			all.Go(func() {
				_, failures[i] = f.client.Enqueue(f.ctx, tasks.Task{ID: "the same", Key: key})
			})
		}
		all.Wait()
		for i, err := range failures {
			if i%3 == 0 {
				require.ErrorIs(t, err, broker.ErrUnroutable)
			} else {
				require.NoError(t, err)
			}
		}
	})
}

func TestExchangeThatDoesNotExist(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "email.welcome"})
	require.ErrorIs(t, err, broker.ErrUnroutable)
	require.ErrorContains(t, err, "no exchange 'warren.strict'")

	f.declare(queue(t, "email", "email.#"))
	_, err = f.client.Enqueue(f.ctx, tasks.Task{Key: "email.welcome"})
	require.NoError(t, err, "the channel that the broker closed is replaced")
}

func TestFullQueueNacks(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare()
	f.channel(func(ch *amqp.Channel) {
		_, err := ch.QueueDeclare("full", true, false, false, false, amqp.Table{
			"x-queue-type": "quorum", "x-max-length": int32(1), "x-overflow": "reject-publish",
		})
		require.NoError(t, err)
	})
	refused := false
	for range 100 { // a quorum queue notices that it is full a few messages later
		err := f.client.Publish(f.ctx, tasks.Message{RoutingKey: "full", MessageID: "1"})
		if err != nil {
			require.ErrorIs(t, err, broker.ErrNacked)
			refused = true
			break
		}
	}
	assert.True(t, refused)
}

// While one queue refuses everything its publisher's channel is replaced now and then, of which those who publish
// to other queues notice nothing.
func TestRefusalsReplaceTheChannel(t *testing.T) {
	t.Parallel()
	f := setup(t)
	spec := queue(t, "email", "email.#")
	spec.Type = routing.Quorum
	f.declare(spec)
	f.channel(func(ch *amqp.Channel) {
		_, err := ch.QueueDeclare("full", true, false, false, false, amqp.Table{
			"x-queue-type": "quorum", "x-max-length": int32(1), "x-overflow": "reject-publish",
		})
		require.NoError(t, err)
	})
	lines := new(logtest.Log)
	client := f.connect(func(c *broker.Config) { c.Log = slog.New(slog.NewTextHandler(lines, nil)) })
	replaced := func() int {
		return strings.Count(lines.String(), "another publishing channel takes the place of this one")
	}
	var others sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
				if !assert.NoError(t, err) {
					return
				}
			}
		})
	}
	for replaced() < 2 && f.ctx.Err() == nil {
		if err := client.Publish(f.ctx, tasks.Message{RoutingKey: "full", MessageID: "1"}); err != nil {
			assert.ErrorIs(t, err, broker.ErrNacked)
		}
	}
	close(done)
	others.Wait()
	require.NoError(t, f.ctx.Err())
	assert.NotContains(t, lines.String(), "trying again", "the connection lives")
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *broker.Config) { c.MaxMessageBytes = 1000 })
	f.declare(queue(t, "email", "email.#"))
	_, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "email.big", Payload: make([]byte, 1001)})
	require.ErrorIs(t, err, broker.ErrTooLarge)
	_, err = f.client.Enqueue(f.ctx, tasks.Task{Key: "email.big", Payload: make([]byte, 1000)})
	require.NoError(t, err)
	_, err = f.client.Enqueue(f.ctx, tasks.Task{Key: "email.big", Headers: map[string]any{"big": strings.Repeat("x", 131072)}})
	require.ErrorIs(t, err, broker.ErrTooLarge)
	require.NoError(t, f.client.Ready(), "nothing went to the broker, which would have closed the connection")
}

func TestHeadersUpToTheFrameLimit(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	accepted := 0
	for size := 130_700; size < 131_072; size += 4 { // around the limit, wherever the other properties put it
		_, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "email.big", Headers: map[string]any{"big": strings.Repeat("x", size)}})
		if err != nil {
			require.ErrorIs(t, err, broker.ErrTooLarge)
			continue
		}
		accepted++
	}
	assert.Positive(t, accepted)
	require.NoError(t, f.client.Ready())
}

func TestBrokerThatTakesLessThanItsDefault(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *broker.Config) { c.MaxMessageBytes = 1 << 30 })
	f.declare(queue(t, "email", "email.#"))
	limit := 128 << 20
	if f.client.Version().AtLeast(4, 0) {
		limit = 16 << 20
	}
	_, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "email.big", Payload: make([]byte, limit+1)})
	require.ErrorIs(t, err, broker.ErrTooLarge, "the broker's word is believed")
	_, err = f.client.Enqueue(f.ctx, tasks.Task{Key: "email.big", Payload: make([]byte, limit+1)})
	require.ErrorIs(t, err, broker.ErrTooLarge)
	_, err = f.client.Enqueue(f.ctx, tasks.Task{Key: "email.small"})
	require.NoError(t, err)
}

func TestInvalidTasksAreRefusedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	for name, task := range map[string]tasks.Task{
		"a key with a space":      {Key: "email. x"},
		"a foreign user":          {Key: "email.x", UserID: "somebody"},
		"a header of ours":        {Key: "email.x", Headers: map[string]any{"warren-attempt": 2}},
		"a header not of AMQP":    {Key: "email.x", Headers: map[string]any{"x": struct{}{}}},
		"a header not a number":   {Key: "email.x", Headers: map[string]any{"x": []any{math.NaN()}}},
		"a header name too long":  {Key: "email.x", Headers: map[string]any{strings.Repeat("x", 256): 1}},
		"an ID too long":          {Key: "email.x", ID: strings.Repeat("x", 256)},
		"a content type too long": {Key: "email.x", ContentType: strings.Repeat("x", 256)},
		"a delay of a year":       {Key: "email.x", NotBefore: time.Now().Add(366 * 24 * time.Hour)},
	} {
		_, err := f.client.Enqueue(f.ctx, task)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, broker.ErrUnconfirmed, name)
	}
	require.NoError(t, f.client.Ready())
}

func TestPublishIsBoundedByItsContext(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })

	t.Run("the socket does not take what is written", func(t *testing.T) {
		proxy.Stall()
		defer proxy.Resume()
		ctx, cancel := context.WithTimeout(f.ctx, 500*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		for range 8 { // far more than socket buffers hold
			all.Go(func() {
				_, err := client.Enqueue(ctx, tasks.Task{Key: "email.x", Payload: make([]byte, 4<<20)})
				require.Error(t, err)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		all.Wait()
	})
	t.Run("and goes on when it does again", func(t *testing.T) {
		_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
		require.NoError(t, err)
	})
	t.Run("nor many small messages, which their callers write", func(t *testing.T) {
		proxy.Stall()
		defer proxy.Resume()
		ctx, cancel := context.WithTimeout(f.ctx, 2*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				_, err := client.Enqueue(ctx, tasks.Task{Key: "email.x", Payload: make([]byte, 14<<10)})
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		all.Wait()
	})
	t.Run("and goes on after that", func(t *testing.T) {
		for range 10 {
			_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
			require.NoError(t, err)
		}
	})
	t.Run("the confirm does not come", func(t *testing.T) {
		proxy.DropDownstream(true)
		defer proxy.DropDownstream(false)
		ctx, cancel := context.WithTimeout(f.ctx, 300*time.Millisecond)
		defer cancel()
		id, err := client.Enqueue(ctx, tasks.Task{Key: "email.x"})
		require.ErrorIs(t, err, broker.ErrUnconfirmed)
		assert.NotEmpty(t, id, "to publish it again under")
	})
	t.Run("the connection is cut before the confirm", func(t *testing.T) {
		proxy.Cut() // and with it the bytes that were dropped
		f.awaitReconnect(client)
		_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
		require.NoError(t, err)
		proxy.DropDownstream(true)
		result := make(chan error, 1)
		go func() {
			_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.cut"})
			result <- err
		}()
		f.awaitKey("email", "email.cut")
		proxy.Cut()
		require.ErrorIs(t, receive(t, result, "the result of the cut publish"), broker.ErrUnconfirmed)
		proxy.DropDownstream(false)
	})
	t.Run("there is no connection", func(t *testing.T) {
		proxy.Refuse(true)
		proxy.Cut()
		require.Eventually(t, func() bool { return client.Ready() != nil }, patience, time.Millisecond)
		ctx, cancel := context.WithTimeout(f.ctx, 100*time.Millisecond)
		defer cancel()
		_, err := client.Enqueue(ctx, tasks.Task{Key: "email.x"})
		require.ErrorIs(t, err, broker.ErrNotConnected)
		proxy.Refuse(false)
		_, err = client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
		require.NoError(t, err)
	})
}

func TestCloseAnswersWhatIsQueued(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	client := f.connect()
	client.Close()
	_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
	require.ErrorIs(t, err, broker.ErrClosed)
	client.Close()
}

func TestConnect(t *testing.T) {
	t.Parallel()
	f := setup(t)
	t.Run("a wrong password is told and not shown", func(t *testing.T) {
		bad := strings.Replace(f.vhost.URL, "guest:guest@", "guest:s3cret@", 1)
		_, err := broker.Connect(f.ctx, broker.Config{URLs: []string{bad}, BackoffMax: time.Millisecond, BackoffMin: time.Millisecond, Log: testLog(t)})
		require.ErrorIs(t, err, broker.ErrRefused)
		assert.NotContains(t, err.Error(), "s3cret")
	})
	t.Run("a virtual host that does not exist", func(t *testing.T) {
		_, err := broker.Connect(f.ctx, broker.Config{URLs: []string{f.vhost.URL + "-not"}, BackoffMax: time.Millisecond, BackoffMin: time.Millisecond, Log: testLog(t)})
		require.ErrorIs(t, err, broker.ErrRefused)
	})
	t.Run("nobody there, within the context", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(f.ctx, 200*time.Millisecond)
		defer cancel()
		_, err := broker.Connect(ctx, broker.Config{URLs: []string{"amqp://u:s3cret@127.0.0.1:1/"}, Log: testLog(t)})
		require.ErrorIs(t, err, broker.ErrNotConnected)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotContains(t, err.Error(), "s3cret")
	})
	t.Run("the second node when the first is away", func(t *testing.T) {
		away := strings.Replace(f.vhost.URL, f.vhost.URL[strings.Index(f.vhost.URL, "@"):strings.LastIndex(f.vhost.URL, "/")], "@127.0.0.1:1", 1)
		client := f.connect(func(c *broker.Config) { c.URLs = []string{away, f.vhost.URL} })
		require.NoError(t, client.Ready())
	})
}

// awaitReconnect waits until a client has noticed the loss of its connection and has another.
func (f *fixture) awaitReconnect(client *broker.Client) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return client.Ready() != nil }, patience, time.Millisecond)
	require.Eventually(f.t, func() bool { return client.Ready() == nil }, patience, time.Millisecond)
}

// get takes one message of a queue, which must be there within the tests' patience.
func (f *fixture) get(queue string) amqp.Delivery {
	f.t.Helper()
	var found amqp.Delivery
	f.channel(func(ch *amqp.Channel) {
		require.Eventually(f.t, func() bool {
			d, ok, err := ch.Get(queue, true)
			require.NoError(f.t, err)
			found = d
			return ok
		}, patience, 5*time.Millisecond, "a message in %s", queue)
	})
	return found
}

// awaitKey takes messages of a queue until one with a routing key has come.
func (f *fixture) awaitKey(queue, key string) {
	f.t.Helper()
	for f.get(queue).RoutingKey != key {
		continue
	}
}

// channel lends a plain channel, as a foreign program would have.
func (f *fixture) channel(use func(*amqp.Channel)) {
	f.t.Helper()
	conn, err := amqp.Dial(f.vhost.URL)
	require.NoError(f.t, err)
	defer func() { assert.NoError(f.t, conn.Close()) }()
	ch, err := conn.Channel()
	require.NoError(f.t, err)
	use(ch)
}

func TestForeignHeadersTravelUnchanged(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	stamp := time.Unix(1_700_000_000, 0)
	headers := map[string]any{
		"bool": true, "int8": int8(-1), "uint8": uint8(255), "int16": int16(-2), "uint16": uint16(3), "int32": int32(-4),
		"uint32": uint32(5), "int64": int64(-6), "float32": float32(1.5), "float64": 2.5, "text": "ü", "bytes": []byte{0, 255},
		"nil": nil, "stamp": stamp, "list": []any{"a", int64(1), []any{true}}, "table": map[string]any{"in": map[string]any{"deep": int32(1)}},
	}
	_, err := f.client.Enqueue(f.ctx, tasks.Task{Key: "email.x", Headers: headers})
	require.NoError(t, err)
	deliveries := make(chan *broker.Delivery, 1)
	f.consume(f.client, "email", 1, func(d *broker.Delivery) { deliveries <- d })
	d := receive(t, deliveries, "the task")
	for name, want := range headers {
		assert.Equal(t, want, d.Message.Headers[name], name)
	}
	require.NoError(t, d.Ack())
}

func (f *fixture) consume(client *broker.Client, queue string, prefetch int, deliver func(*broker.Delivery)) *broker.Consumer {
	f.t.Helper()
	consumer, err := client.NewConsumer(broker.ConsumerConfig{Queue: queue, Prefetch: prefetch, Deliver: deliver})
	require.NoError(f.t, err)
	f.t.Cleanup(consumer.Close)
	return consumer
}

func TestManyPublishersOneConnection(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *broker.Config) { c.Window = 16 })
	f.declare(queue(t, "email", "email.#"))
	const publishers, each = 20, 100
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range each {
				_, err := f.client.Enqueue(f.ctx, tasks.Task{Key: fmt.Sprintf("email.%d.%d", p, i), Payload: bytes.Repeat([]byte("x"), i*10)})
				if !assert.NoError(t, err) {
					return
				}
			}
		})
	}
	all.Wait()
	seen := make(chan string, publishers*each)
	f.consume(f.client, "email", 500, func(d *broker.Delivery) {
		seen <- d.Message.RoutingKey
		assert.NoError(t, d.Ack())
	})
	distinct := map[string]bool{}
	for range publishers * each {
		distinct[receive(t, seen, "a task")] = true
	}
	assert.Len(t, distinct, publishers*each)
}

// A message that nobody wants any more is not sent; one that was sent is awaited, whatever is wanted
// then.
func TestPublishWhile(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	m := tasks.Message{Exchange: "warren.tasks", RoutingKey: "email.x", MessageID: "1"}
	require.NoError(t, client.PublishWhile(f.ctx, f.ctx, m))
	over, end := context.WithCancel(f.ctx)
	end()
	require.ErrorIs(t, client.PublishWhile(f.ctx, over, m), context.Canceled)

	proxy.DropDownstream(true) // the confirm does not come
	while, end := context.WithCancel(f.ctx)
	published := make(chan error, 1)
	go func() { published <- client.PublishWhile(f.ctx, while, m) }()
	require.Eventually(t, func() bool {
		depth, err := f.client.Depth(f.ctx, "email")
		require.NoError(t, err)
		return depth.Ready == 2
	}, patience, 5*time.Millisecond, "it was sent")
	end()
	proxy.Cut()
	proxy.DropDownstream(false)
	require.ErrorIs(t, receive(t, published, "its fate"), broker.ErrUnconfirmed)
}
