package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/errgroup"
)

// What follows is the loop that a careful programmer writes by hand: it confirms what it publishes,
// acknowledges what it has run, and does nothing else. It neither reconnects nor retries.

const (
	// loopPrefetch is the loop's prefetch, and ackEvery how many tasks its faster form
	// acknowledges at once.
	loopPrefetch = 200
	ackEvery     = 50
	// window is how many messages may be sent and not confirmed, as in Warren's publisher.
	window = 2048
)

// plainMessage is what the loop publishes: persistent, with what any task needs.
func plainMessage(id string, body []byte) amqp.Publishing {
	return amqp.Publishing{
		MessageId: id, ContentType: "application/json", DeliveryMode: amqp.Persistent, Priority: 4,
		Timestamp: time.Now(), Body: body,
	}
}

// payload is a JSON object of a number of bytes, at least 11.
func payload(bytes int) []byte {
	const frame = `{"pad":""}`
	return []byte(`{"pad":"` + strings.Repeat("x", max(bytes-len(frame), 1)) + `"}`)
}

// plainPublisher is a channel with confirms on a connection of its own.
type plainPublisher struct {
	conn     *amqp.Connection
	channel  *amqp.Channel
	returned atomic.Int64
	drained  chan struct{} // closed when no return will come any more
}

func openPlainPublisher(url string) (*plainPublisher, error) {
	conn, err := amqp.Dial(url)
	if err != nil {
		return nil, err
	}
	p := &plainPublisher{conn: conn, drained: make(chan struct{})}
	if p.channel, err = conn.Channel(); err == nil {
		err = p.channel.Confirm(false)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	returns := p.channel.NotifyReturn(make(chan amqp.Return, window))
	go func() {
		defer close(p.drained)
		for range returns {
			p.returned.Add(1)
		}
	}()
	return p, nil
}

// close closes the connection, and returns an error where the broker has returned a message.
func (p *plainPublisher) close() error {
	err := p.conn.Close()
	<-p.drained
	if n := p.returned.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d messages were not routed", n))
	}
	return err
}

func (p *plainPublisher) send(message amqp.Publishing) (*amqp.DeferredConfirmation, error) {
	const mandatory, immediate = true, false
	return p.channel.PublishWithDeferredConfirm(exchange, key, mandatory, immediate, message)
}

// one publishes a message and waits for its confirm.
func (p *plainPublisher) one(ctx context.Context, message amqp.Publishing) error {
	confirmation, err := p.send(message)
	if err != nil {
		return err
	}
	return awaitConfirm(ctx, confirmation)
}

// many publishes messages one after the other, with at most window of them unconfirmed, and returns
// when all are confirmed.
func (p *plainPublisher) many(ctx context.Context, count int, body []byte) error {
	group, ctx := errgroup.WithContext(ctx)
	sent := make(chan *amqp.DeferredConfirmation, window-1) // and one that is awaited
	group.Go(func() error {
		defer close(sent)
		for range count {
			confirmation, err := p.send(plainMessage(uuid.NewString(), body))
			if err != nil {
				return err
			}
			select {
			case sent <- confirmation:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	group.Go(func() error {
		for confirmation := range sent {
			if err := awaitConfirm(ctx, confirmation); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

func awaitConfirm(ctx context.Context, confirmation *amqp.DeferredConfirmation) error {
	acked, err := confirmation.WaitContext(ctx)
	if err == nil && !acked {
		err = errors.New("the broker refused a message")
	}
	return err
}

// plainConsumer is one goroutine that runs tasks.
type plainConsumer struct {
	conn    *amqp.Connection
	channel *amqp.Channel
	ended   chan error
}

const plainTag = "loop"

// startPlainConsumer consumes the queue. A task's attempt, which any retry would need, is read; the
// task is run; it is acknowledged, each by itself or the last ackEvery at once.
func startPlainConsumer(url string, multiple bool, handle func(id string)) (*plainConsumer, error) {
	conn, err := amqp.Dial(url)
	if err != nil {
		return nil, err
	}
	c := &plainConsumer{conn: conn, ended: make(chan error, 1)}
	var deliveries <-chan amqp.Delivery
	if c.channel, err = conn.Channel(); err == nil {
		err = c.channel.Qos(loopPrefetch, 0, false)
	}
	if err == nil {
		deliveries, err = c.channel.Consume(queueName, plainTag, false, false, false, false, nil)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go func() { c.ended <- consumePlain(deliveries, multiple, handle) }()
	return c, nil
}

func consumePlain(deliveries <-chan amqp.Delivery, multiple bool, handle func(id string)) error {
	var last amqp.Delivery
	unacked := 0
	for d := range deliveries {
		if attempt, isSet := d.Headers["attempt"].(int32); isSet && attempt > 1 {
			return fmt.Errorf("message %s is of attempt %d", d.MessageId, attempt)
		}
		handle(d.MessageId)
		last = d
		if unacked++; multiple && unacked < ackEvery {
			continue
		}
		if err := d.Ack(multiple); err != nil {
			return err
		}
		unacked = 0
	}
	if unacked > 0 {
		return last.Ack(true)
	}
	return nil
}

// close stops the consumer, which acknowledges what it has run, and closes its connection.
func (c *plainConsumer) close() error {
	err := c.channel.Cancel(plainTag, false)
	return errors.Join(err, <-c.ended, c.conn.Close())
}
