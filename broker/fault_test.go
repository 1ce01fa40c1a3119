//go:build integration

package broker_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
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

// prompt is how soon a call that must not hang returns, on a loaded machine.
const prompt = 12 * time.Second

// within calls f and fails where it takes longer than a time.
func within(t *testing.T, limit time.Duration, what string, f func()) {
	t.Helper()
	began := time.Now()
	f()
	require.Less(t, time.Since(began), limit, what)
}

func TestCloseDuringABlockedWrite(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
	require.NoError(t, err, "the session has begun")
	proxy.StallUpstream() // the broker's heartbeats still arrive
	results := make(chan error, 8)
	for range cap(results) { // far more than socket buffers hold
		go func() {
			_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x", Payload: make([]byte, 4<<20)})
			results <- err
		}()
	}
	blocked, cancel := context.WithTimeout(f.ctx, 300*time.Millisecond)
	defer cancel()
	_, err = client.Enqueue(blocked, tasks.Task{Key: "email.x"})
	require.ErrorIs(t, err, context.DeadlineExceeded, "the writer is blocked")
	within(t, prompt, "Close", client.Close)
	for range cap(results) {
		err := receive(t, results, "the result of a publish")
		assert.True(t, errors.Is(err, broker.ErrClosed) || errors.Is(err, broker.ErrUnconfirmed), "%v", err)
	}
}

// silent listens and answers nothing but, where there is one, a greeting.
func silent(t *testing.T, greeting []byte) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				_, _ = conn.Write(greeting)
				_, _ = io.Copy(io.Discard, conn) // until the client gives up
			})
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		all.Wait()
	})
	return listener.Addr().String()
}

func TestConnectToANodeThatSaysNothing(t *testing.T) {
	t.Parallel()
	address := silent(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	within(t, 2*time.Second, "Connect", func() {
		_, err := broker.Connect(ctx, broker.Config{URLs: []string{"amqp://u:s3cret@" + address}, Log: testLog(t)})
		require.ErrorIs(t, err, broker.ErrNotConnected)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestSilenceDuringTheLogInIsNoRefusal(t *testing.T) {
	t.Parallel()
	f := setup(t)
	address := silent(t, f.greeting())
	ctx, cancel := context.WithTimeout(f.ctx, time.Second)
	defer cancel()
	_, err := broker.Connect(ctx, broker.Config{
		URLs: []string{"amqp://u:s3cret@" + address}, DialTimeout: 50 * time.Millisecond,
		BackoffMin: time.Millisecond, BackoffMax: time.Millisecond, Log: testLog(t),
	})
	require.ErrorIs(t, err, broker.ErrNotConnected)
	assert.NotErrorIs(t, err, broker.ErrRefused, "a node that is slow to log in has refused nobody")
}

// greeting is the first frame that a broker sends.
func (f *fixture) greeting() []byte {
	f.t.Helper()
	u, err := url.Parse(f.vhost.URL)
	require.NoError(f.t, err)
	conn, err := net.Dial("tcp", u.Host)
	require.NoError(f.t, err)
	defer conn.Close()
	require.NoError(f.t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write([]byte("AMQP\x00\x00\x09\x01"))
	require.NoError(f.t, err)
	head := make([]byte, 7)
	_, err = io.ReadFull(conn, head)
	require.NoError(f.t, err)
	rest := make([]byte, int(head[5])<<8+int(head[6])+1)
	_, err = io.ReadFull(conn, rest)
	require.NoError(f.t, err)
	return append(head, rest...)
}

func TestConsumerIsClosedWhileTheBrokerIsSilent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	deliveries := make(chan *broker.Delivery, 10)
	consumer := f.consume(client, "email", 10, func(d *broker.Delivery) { deliveries <- d })
	f.enqueue("email.1")
	receive(t, deliveries, "a task")
	proxy.Stall()
	defer proxy.Resume()
	ctx, cancel := context.WithTimeout(f.ctx, 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, consumer.Cancel(ctx), context.DeadlineExceeded)
	within(t, prompt, "Close", consumer.Close)
}

// A node that is cut off without a word, as by a network that is gone, is given up within 15 s.
func TestASilentConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL(), f.vhost.URL} })
	deliveries := make(chan *broker.Delivery, 10)
	f.consume(client, "email", 10, func(d *broker.Delivery) { deliveries <- d })
	f.enqueue("email.1")
	held := receive(t, deliveries, "a task")
	proxy.Stall()
	defer proxy.Resume()
	within(t, 15*time.Second, "the end of the session", func() {
		select {
		case <-held.Context().Done():
		case <-f.ctx.Done():
		}
	})
	require.NoError(t, f.ctx.Err())
	f.enqueue("email.2")
	for {
		if d := receive(t, deliveries, "a task, by another connection"); d.Message.RoutingKey == "email.2" {
			return
		}
	}
}

// What a broker says of one message is not said of the others that were under way.
func TestRefusalIsToldOfItsOwnMessageOnly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	spec := queue(t, "email", "email.#")
	spec.Type = routing.Quorum // which confirms later than a channel is closed
	f.declare(spec)
	proxy := brokertest.NewProxy(t, brokertest.NewUser(t, f.vhost, brokertest.Permissions{Configure: ".*", Write: "^warren[.]", Read: ".*"}))
	client := f.connect(func(c *broker.Config) {
		c.URLs = []string{proxy.URL()}
	})
	for name, c := range map[string]struct {
		bad  tasks.Message
		want error
	}{
		"no exchange":   {tasks.Message{Exchange: "warren.nowhere", RoutingKey: "email.x"}, broker.ErrUnroutable},
		"no permission": {tasks.Message{RoutingKey: "email"}, broker.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			unconfirmed := 0
			for range 10 { // which message is confirmed before the channel is closed is the broker's affair
				proxy.StallUpstream()
				good, bad := make(chan error, 5), make(chan error, 1)
				for range cap(good) {
					go func() { good <- client.Publish(f.ctx, tasks.Message{Exchange: "warren.strict", RoutingKey: "email.x"}) }()
				}
				go func() { bad <- client.Publish(f.ctx, c.bad) }()
				proxy.Resume()
				err := receive(t, bad, "the result of the bad one")
				require.ErrorIs(t, err, c.want)
				require.NotErrorIs(t, err, broker.ErrUnconfirmed)
				for range cap(good) {
					if err := receive(t, good, "the result of a good one"); err != nil {
						require.ErrorIs(t, err, broker.ErrUnconfirmed)
						require.NotErrorIs(t, err, c.want)
						unconfirmed++
					}
				}
			}
			t.Logf("%d of 50 good ones unconfirmed", unconfirmed)
		})
	}
}

// Where several messages could be the one that the broker means, each may have arrived.
func TestRefusalThatSeveralMessagesMayHaveCaused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	require.ErrorIs(t, client.Publish(f.ctx, tasks.Message{RoutingKey: "x"}), broker.ErrUnroutable, "the session has begun")
	proxy.StallUpstream()
	results := make(chan error, 2)
	for range cap(results) {
		go func() { results <- client.Publish(f.ctx, tasks.Message{Exchange: "nowhere"}) }()
	}
	short, cancel := context.WithTimeout(f.ctx, 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, client.Publish(short, tasks.Message{RoutingKey: "x"}), broker.ErrUnconfirmed, "the writer has sent them all")
	proxy.Resume()
	for range cap(results) {
		err := receive(t, results, "a result")
		require.ErrorIs(t, err, broker.ErrUnroutable)
		require.ErrorIs(t, err, broker.ErrUnconfirmed)
	}
}

func TestNoErrorShowsAPassword(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{ // as a user may write them who has not read of percent-encoding
		"amqp://user:s3cret/x@127.0.0.1/", "amqp://user:s3cret#x@127.0.0.1/", "amqp://user:s3cret%zz@127.0.0.1/",
		`amqp://user:s3cret"x@127.0.0.1:x/`, "amqp://user:s3cret x@127.0.0.1/", "amqp://user:s3cret@127.0.0.1:s3cret/",
		"http://user:s3cret@127.0.0.1/", "amqp://user:s3cret\x7f@127.0.0.1/", "user:s3cret@127.0.0.1",
	} {
		_, err := broker.Connect(t.Context(), broker.Config{URLs: []string{raw}, Log: testLog(t)})
		require.ErrorIs(t, err, broker.ErrInvalidConfig, raw)
		require.ErrorContains(t, err, "URLs[0]")
		assert.NotContains(t, err.Error(), "s3cret", raw)
	}
}

// A password that is a word of the library's errors must not hide from us what they are.
func TestAPasswordThatErrorsContainIsRefusedToo(t *testing.T) {
	t.Parallel()
	f := setup(t)
	bad := strings.Replace(f.vhost.URL, "guest:guest@", "guest:password@", 1)
	ctx, cancel := context.WithTimeout(f.ctx, prompt)
	defer cancel()
	_, err := broker.Connect(ctx, broker.Config{URLs: []string{bad}, BackoffMin: time.Millisecond, BackoffMax: time.Millisecond, Log: testLog(t)})
	require.ErrorIs(t, err, broker.ErrRefused)
}

// One who publishes what closes the channel must not keep the others from publishing.
func TestPublishersBesideOneThatIsRefused(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *broker.Config) { c.BackoffMax = broker.DefaultBackoffMax })
	f.declare(queue(t, "email", "email.#"))
	worst := time.Duration(0)
	for range 8 { // with a connection lost each time, backoff would have come to seconds
		require.ErrorIs(t, f.client.Publish(f.ctx, tasks.Message{Exchange: "nowhere"}), broker.ErrUnroutable)
		began := time.Now()
		f.enqueue("email.x")
		worst = max(worst, time.Since(began))
	}
	t.Logf("worst %s", worst)
	assert.Less(t, worst, 2*time.Second)
}

// The broker cancels a consumer that keeps a delivery for too long: another session takes its place,
// and the late acknowledgement goes nowhere. Only from 4.3 is it the queue that does so, soon
// enough for a test; before, the broker is made to cancel the consumer by deleting its queue.
func TestConsumerCancelledByTheBroker(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare()
	args := amqp.Table{"x-queue-type": "quorum"}
	timesOut := f.client.Version().AtLeast(4, 3)
	if timesOut {
		args["x-consumer-timeout"] = int64(1000)
	}
	declare := func() {
		f.channel(func(ch *amqp.Channel) {
			_, err := ch.QueueDeclare("slow", true, false, false, false, args)
			require.NoError(t, err)
		})
	}
	declare()
	deliveries := make(chan *broker.Delivery, 10)
	f.consume(f.client, "slow", 10, func(d *broker.Delivery) { deliveries <- d })
	require.NoError(t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: "slow", MessageID: "1"}))
	first := receive(t, deliveries, "the task")
	if !timesOut {
		f.channel(func(ch *amqp.Channel) {
			_, err := ch.QueueDelete("slow", false, false, false)
			require.NoError(t, err)
		})
		require.Eventually(t, first.Lost, patience, time.Millisecond)
		declare()
		require.NoError(t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: "slow", MessageID: "1"}))
	}
	again := receive(t, deliveries, "the task, in another session")
	assert.Equal(t, "1", again.Message.MessageID)
	assert.True(t, first.Lost())
	require.Error(t, first.Context().Err())
	require.ErrorIs(t, first.Ack(), broker.ErrSessionLost)
	require.NoError(t, again.Ack())
	require.NoError(t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: "slow", MessageID: "2"}))
	next := receive(t, deliveries, "the next task: the session lives")
	assert.Equal(t, "2", next.Message.MessageID)
	require.NoError(t, next.Ack())
}

func TestConnectionThatOwesAConfirmIsReplaced(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) {
		c.URLs, c.ConfirmTimeout = []string{proxy.URL()}, 200*time.Millisecond
	})
	for range 10 { // an idle connection, and one that confirms, is left alone
		_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
		require.NoError(t, err)
	}
	proxy.DropDownstream(true)
	_, err := client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
	require.ErrorIs(t, err, broker.ErrUnconfirmed)
	require.NoError(t, f.ctx.Err(), "by the confirm timeout")
	proxy.DropDownstream(false)
	_, err = client.Enqueue(f.ctx, tasks.Task{Key: "email.x"})
	require.NoError(t, err, "over another connection")
}

// A node that accepts connections and says nothing is waited for once, not at each connection.
func TestANodeThatHangsIsTriedLast(t *testing.T) {
	t.Parallel()
	f := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var accepted atomic.Int64
	var accepting sync.WaitGroup
	accepting.Go(func() {
		var held []net.Conn
		for {
			conn, err := listener.Accept()
			if err != nil {
				break
			}
			accepted.Add(1)
			held = append(held, conn)
		}
		for _, conn := range held {
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		accepting.Wait()
	})
	uri, err := url.Parse(f.vhost.URL)
	require.NoError(t, err)
	uri.Host = listener.Addr().String()
	client, err := broker.Connect(f.ctx, broker.Config{
		URLs: []string{uri.String(), f.vhost.URL}, DialTimeout: 500 * time.Millisecond, Log: testLog(t),
	})
	require.NoError(t, err)
	defer client.Close()
	for range 3 {
		require.ErrorIs(t, client.Browse(f.ctx, "nobody.dead", 0, func(tasks.Message) bool { return true }), broker.ErrNoQueue)
	}
	assert.Equal(t, int64(1), accepted.Load())
}
