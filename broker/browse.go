package broker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

const (
	// firstRound is how many letters are taken at first; each round takes twice what the one before
	// did, so that memory holds no more than has been shown already.
	firstRound  = 512
	maxPrefetch = 65535
	// quiet is how long letters that the queue counted may stay away before it is asked again: then
	// somebody else has taken them.
	quiet = 2 * time.Second
	// returnGrace is how much longer than its context a browse may live, to give back in order.
	returnGrace = 2 * time.Second
)

// Browse shows the letters of a dead-letter queue or of the unrouted queue from the head, each
// once, without taking them away: all of them where limit is below 1, else at most limit, until
// each returns false. A letter whose headers cannot be read has none but tasks.HeaderError, which says
// why. Browse returns when every letter is back, in the order in which it lay. It
// blocks, on a connection of its own; when ctx ends, whose error it returns, it has 2 s more.
//
// Looking is a delivery that is given back. Meanwhile the letters looked at are unacknowledged:
// no other consumer or browser is given them, the queue's depth is lower by them, a consumer more
// is counted, and letters that arrive are not shown. Afterwards they are marked as redelivered.
// How many are taken can be more than limit: a quorum queue gives out what came back before
// anything else and takes it back behind everything that did, so that order is kept only by taking
// all that has ever been looked at. A process that is killed, or a lost connection, gives the
// letters back too, in any order. each should not dawdle: before RabbitMQ 4.3 the broker closes a
// channel that holds a delivery for longer than its acknowledgement timeout (30 minutes).
//
// From 4.3 a look does not count towards a delivery limit. Before, each does, and at the limit the
// letter would be dropped: there a queue that has a limit is refused as [ErrNotBrowsable]. What a
// policy limits is seen only where the management API may be asked. Refused on every version is a
// queue of another kind: its workers would lack the tasks meanwhile, and their priorities would be
// lost. The other errors are [ErrNoQueue], [ErrRefused] (before 4.3 a look needs configure
// permission, to find out about the limit) and [ErrNotConnected].
func (c *Client) Browse(ctx context.Context, queue string, limit int, each func(tasks.Message) bool) error {
	life, end := outlive(ctx, returnGrace)
	defer end()
	err := c.withChannel(life, "browse "+queue, func(newChannel func() (*amqp.Channel, error)) error {
		if err := c.browsable(life, queue, newChannel); err != nil {
			return err
		}
		channel, err := newChannel()
		if err != nil {
			return err
		}
		b := browsing{channel: channel, queue: queue, left: limit, each: each}
		if limit < 1 {
			b.left = math.MaxInt
		}
		defer b.giveBack()
		return b.read(ctx)
	})
	if err != nil {
		return fmt.Errorf("browse %s: %w", queue, err)
	}
	return nil
}

// outlive returns a context that ends some time after ctx does.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return life, func() { stop(); cancel() }
}

// browsing is one look at a queue. It goes in rounds: a basic.get, whose answer is the exact end
// of the queue or the number of letters behind this one, then a consumer for that many, since a
// consumer is fast and returns its letters in one piece. (Letters taken by basic.get alone come
// back to a quorum queue in any order: each get is a consumer of its own there, and of these the
// broker keeps no order. The same holds for what more than some thirty rounds give back.)
type browsing struct {
	channel *amqp.Channel
	queue   string
	each    func(tasks.Message) bool
	left    int // letters that may still be shown

	tag         uint64   // of the newest delivery
	redelivered bool     // it has been given back before
	rounds      []uint64 // the newest delivery tag of each get and each consumer, in order
}

// read takes letters and shows them until there is no more to take.
func (b *browsing) read(ctx context.Context) error {
	for round := firstRound; ctx.Err() == nil && !b.enough(); round = min(2*round, maxPrefetch) {
		d, ok, err := b.channel.Get(b.queue, false)
		if err != nil {
			return describe("queue", b.queue, err)
		}
		if !ok {
			return nil
		}
		b.show(&d)
		b.rounds = append(b.rounds, b.tag)
		count := min(round, int(d.MessageCount))
		if b.left > 0 {
			count = min(count, b.left)
		}
		if count == 0 || b.enough() {
			continue
		}
		if err := b.consume(ctx, count); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// enough reports whether nothing is left to show, nor to take for the order's sake.
func (b *browsing) enough() bool { return b.left == 0 && !b.redelivered }

// show notes a delivery, and shows it where it is wanted.
func (b *browsing) show(d *amqp.Delivery) {
	b.tag, b.redelivered = d.DeliveryTag, d.Redelivered
	if b.left == 0 {
		return
	}
	b.left--
	if !b.each(looked(d)) {
		b.left = 0
	}
}

// consume takes up to count letters by one consumer.
func (b *browsing) consume(ctx context.Context, count int) error {
	if err := b.channel.Qos(count, 0, false); err != nil {
		return err
	}
	consumer := "warren." + strconv.Itoa(len(b.rounds))
	deliveries, err := b.channel.Consume(b.queue, consumer, false, false, false, false, nil)
	if err != nil {
		return describe("queue", b.queue, err)
	}
	timer := time.NewTimer(quiet)
	defer timer.Stop()
receiving:
	for range count {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("the broker ended the consumer")
			}
			b.show(&d)
			timer.Reset(quiet)
		case <-timer.C:
			break receiving
		case <-ctx.Done():
			break receiving
		}
	}
	if err := b.channel.Cancel(consumer, false); err != nil {
		return err
	}
	for d := range deliveries { // what was under way; the library ends it
		b.show(&d)
	}
	b.rounds = append(b.rounds, b.tag)
	return nil
}

// giveBack returns the letters, the oldest first. Where it fails the channel is lost, and with it
// everything has gone back by itself.
func (b *browsing) giveBack() {
	for _, tag := range b.rounds {
		_ = b.channel.Nack(tag, true, true)
	}
	_ = b.channel.Close()
}
