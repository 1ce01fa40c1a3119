//go:build integration

package broker_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// prompt is within what a call that must not hang returns, on a loaded machine.
const prompt = 8 * time.Second

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
	_, err := client.Enqueue(blocked, tasks.Task{Key: "email.x"})
	require.ErrorIs(t, err, context.DeadlineExceeded, "the writer is blocked")
	within(t, prompt, "Close", client.Close)
	sent := 0
	for range cap(results) {
		err := receive(t, results, "the result of a publish")
		if assert.Error(t, err) && !assert.True(t, errorIsOneOf(err, broker.ErrClosed, broker.ErrUnconfirmed), err.Error()) {
			continue
		}
		sent++
	}
	assert.Equal(t, cap(results), sent, "each has an answer")
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
	t.Run("with a session", func(t *testing.T) {
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
	})
	t.Run("while it connects", func(t *testing.T) {
		proxy.Stall()
		defer proxy.Resume()
		consumer := f.consume(client, "email", 10, func(*broker.Delivery) {})
		within(t, prompt, "Close", consumer.Close)
	})
}

func errorIsOneOf(err error, targets ...error) bool {
	for _, target := range targets {
		if assert.ErrorIs(silentT{}, err, target) {
			return true
		}
	}
	return false
}

type silentT struct{}

func (silentT) Errorf(string, ...any) {}

// What a broker says of one message is not said of the others that were under way.
func TestRefusalIsToldOfItsOwnMessageOnly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	for range 20 { // which message is confirmed before the channel is closed is the broker's affair
		proxy.StallUpstream()
		good, bad := make(chan error, 5), make(chan error, 1)
		for range cap(good) {
			go func() {
				good <- client.Publish(f.ctx, tasks.Message{Exchange: "warren.strict", RoutingKey: "email.x", MessageID: "good"})
			}()
		}
		go func() {
			bad <- client.Publish(f.ctx, tasks.Message{Exchange: "nowhere", RoutingKey: "email.x", MessageID: "bad"})
		}()
		proxy.Resume()
		require.ErrorIs(t, receive(t, bad, "the bad one"), broker.ErrUnroutable)
		for range cap(good) {
			if err := receive(t, good, "a good one"); err != nil {
				require.ErrorIs(t, err, broker.ErrUnconfirmed)
				require.NotErrorIs(t, err, broker.ErrUnroutable)
			}
		}
	}
}

var _ amqp.Table
