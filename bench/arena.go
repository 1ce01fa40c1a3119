package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

// The queue that everybody uses: Warren's topology declares it, the loop takes it as it is.
const (
	queueName = "bench"
	pattern   = "bench.#"
	key       = "bench.task"
)

// exchange is Warren's entrance for Go clients, to which the loop publishes as well.
var exchange = routing.Names{}.Strict()

// arena is a virtual host with Warren's topology, in which one contest is held.
type arena struct {
	vhost brokertest.Vhost
}

// closeTimeout bounds the removal of an arena, whatever has happened before.
const closeTimeout = 30 * time.Second

// newArena makes the virtual host, empty.
func newArena(ctx context.Context, b *brokertest.Broker) (*arena, error) {
	vhost, err := b.NewVhost(ctx, "bench-"+strings.ToLower(rand.Text()[:10]))
	if err != nil {
		return nil, err
	}
	return &arena{vhost: vhost}, nil
}

// openArena makes the virtual host and declares the topology.
func openArena(ctx context.Context, b *brokertest.Broker) (*arena, error) {
	a, err := newArena(ctx, b)
	if err != nil {
		return nil, err
	}
	if err := a.declare(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// close removes the virtual host with all that is in it.
func (a *arena) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return a.vhost.Delete(ctx)
}

// connect returns a client of Warren's with its defaults, and without a log.
func (a *arena) connect(ctx context.Context) (*broker.Client, error) {
	return connect(ctx, a.vhost.URL)
}

func connect(ctx context.Context, url string) (*broker.Client, error) {
	return broker.Connect(ctx, broker.Config{URLs: []string{url}, Name: "bench", Log: slog.New(slog.DiscardHandler)})
}

func (a *arena) declare(ctx context.Context) error {
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	route, err := routing.ParsePattern(pattern)
	if err != nil {
		return err
	}
	return client.Declare(ctx, routing.Spec{
		Queues:  []routing.QueueSpec{{Name: queueName, Routes: []routing.Pattern{route}}},
		Streams: []routing.StreamSpec{historyStream},
	})
}

// purge empties the queue.
func (a *arena) purge() error {
	return a.onChannel(func(channel *amqp.Channel) error {
		_, err := channel.QueuePurge(queueName, false)
		return err
	})
}

// mustBeEmpty returns an error where messages are left in the queue: after a consumer has closed its
// connection, those that it has not acknowledged.
func (a *arena) mustBeEmpty() error {
	return a.onChannel(func(channel *amqp.Channel) error {
		q, err := channel.QueueDeclarePassive(queueName, true, false, false, false, nil)
		if err == nil && q.Messages > 0 {
			err = fmt.Errorf("%d tasks are left in the queue", q.Messages)
		}
		return err
	})
}

// onChannel calls do with a channel on a connection of its own.
func (a *arena) onChannel(do func(*amqp.Channel) error) error {
	conn, err := amqp.Dial(a.vhost.URL)
	if err != nil {
		return err
	}
	channel, err := conn.Channel()
	if err == nil {
		err = do(channel)
	}
	return errors.Join(err, conn.Close())
}
