package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

const (
	// channelLetters is how many letters a channel holds before the next round has one of its own:
	// RabbitMQ finds the letter that is acknowledged by going through all that its channel holds, from the
	// oldest on.
	channelLetters = 512
	// channelShare is the part of all the letters held that a channel may hold as well, so that a million
	// letters take 150 channels and not 1,000.
	channelShare = 32
)

// letters are those that were taken from a queue and, but for those removed, are held. Only the answers
// come from several goroutines.
type letters struct {
	queue      string
	newChannel func() (*amqp.Channel, error)
	others     int // consumers that the queue had before

	channels []*letterChannel // that took letters; the last takes more
	rounds   []letterRound    // in order
	full     bool             // the connection has no more channels

	returnWait time.Duration // see await

	mu      sync.Mutex
	pending int            // shown and not answered
	idle    chan struct{}  // holds a token when the last answer has come
	over    bool           // answers do nothing any more
	taker   *letterChannel // whose consumer is in force, nil where there is none
	begun   uint64         // its newest delivery tag before
	late    []uint64       // removals to be sent when there is none any more
}

// letterRound is what one basic.get, or one consumer, has taken: the delivery tags after oldest and up to
// newest.
type letterRound struct {
	*letterChannel
	oldest, newest uint64
}

func newLetters(newChannel func() (*amqp.Channel, error), queue string) (*letters, error) {
	l := &letters{queue: queue, newChannel: newChannel, idle: make(chan struct{}, 1), returnWait: returnWait}
	return l, l.open()
}

// open opens the channel that takes more.
func (l *letters) open() error {
	channel, err := l.newChannel()
	if err != nil {
		return describe("queue", l.queue, err)
	}
	l.channels = append(l.channels, newLetterChannel(channel, l.queue))
	return nil
}

// channel takes more.
func (l *letters) channel() *letterChannel { return l.channels[len(l.channels)-1] }

// state is how many letters the queue has to give out, and its consumers.
func (l *letters) state() (amqp.Queue, error) { return l.channel().state() }

// get takes the first letter. It is a round of its own. The second result is false where there is none.
func (l *letters) get() (d amqp.Delivery, ok bool, err error) {
	c := l.channel()
	err = c.ask(func() error {
		d, ok, err = c.Get(l.queue, false)
		return err
	})
	if !ok {
		return d, false, err
	}
	l.take(d.DeliveryTag)
	l.rounds = append(l.rounds, letterRound{c, d.DeliveryTag - 1, d.DeliveryTag})
	return d, true, nil
}

// consume begins a round that takes count letters, all of which are to be received before it is
// cancelled: what is on its way to a cancelled consumer a quorum queue takes back, before what it gets
// back later. So that nothing is, the removals of this round, each of which would have the broker send
// one letter more, are held back until then.
func (l *letters) consume(count int) (consumer string, deliveries <-chan amqp.Delivery, err error) {
	if err := l.turn(); err != nil {
		return "", nil, err
	}
	consumer = "warren." + strconv.Itoa(len(l.rounds))
	c := l.channel()
	l.mu.Lock()
	l.taker, l.begun = c, c.newest
	l.mu.Unlock()
	err = c.ask(func() error {
		if err := c.Qos(count, 0, false); err != nil {
			return err
		}
		deliveries, err = c.Consume(l.queue, consumer, false, false, false, false, nil)
		return err
	})
	return consumer, deliveries, err
}

// turn has the next round taken by a new channel where the newest holds enough, and asks the older ones
// about what was removed meanwhile. Between two times that it asks them the queue has confirmed a
// consumer, and so what they had sent it before.
func (l *letters) turn() error {
	kept := 0
	for _, c := range l.channels {
		kept += c.kept()
	}
	if !l.full && l.channel().kept() >= max(channelLetters, kept/channelShare) {
		if err := l.open(); errors.Is(err, amqp.ErrChannelMax) {
			l.full = true
		} else if err != nil {
			return err
		}
	}
	for _, c := range l.channels[:len(l.channels)-1] {
		switch {
		case c.IsClosed():
			return c.cause(<-c.closed)
		case c.behind():
			if _, err := c.state(); err != nil {
				return err
			}
		}
	}
	return nil
}

// cancel ends a consumer; what a classic queue has sent is still delivered, and endRound is to follow.
func (l *letters) cancel(consumer string) error {
	c := l.channel()
	return c.ask(func() error { return c.Cancel(consumer, false) })
}

// take notes a delivery.
func (l *letters) take(tag uint64) { l.channel().newest = tag }

// endRound sends the removals that were held back.
func (l *letters) endRound() error {
	c := l.channel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rounds = append(l.rounds, letterRound{c, l.begun, c.newest})
	l.taker = nil
	for _, tag := range l.late {
		if err := c.send(tag); err != nil {
			return err
		}
	}
	l.late = l.late[:0]
	return nil
}

// show returns the letter of a delivery for its answer.
func (l *letters) show(tag uint64, m tasks.Message, unreadable error) *tasks.Letter {
	c := l.channel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending++
	return tasks.NewLetter(m, unreadable, func(remove bool) error { return l.answer(c, tag, remove) })
}

// answer removes a letter or leaves it.
func (l *letters) answer(c *letterChannel, tag uint64, remove bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending--; l.pending == 0 {
		select {
		case l.idle <- struct{}{}:
		default:
		}
	}
	switch {
	case !remove:
		return nil
	case l.over:
		return fmt.Errorf("remove a letter from %s: %w", l.queue, ErrSessionLost)
	case l.taker == c && tag > l.begun:
		l.late = append(l.late, tag)
	default:
		if err := c.send(tag); err != nil {
			return fmt.Errorf("remove a letter from %s: %w: %w", l.queue, ErrSessionLost, err)
		}
	}
	c.note(tag)
	return nil
}

// awaitAnswers waits until every letter that was shown has its answer, or ctx is done.
func (l *letters) awaitAnswers(ctx context.Context) error {
	for {
		l.mu.Lock()
		pending := l.pending
		l.mu.Unlock()
		if pending == 0 {
			return nil
		}
		newest := l.channel()
		select {
		case <-l.idle:
		case err := <-newest.closed:
			return newest.cause(err)
		case <-ctx.Done():
			return nil
		}
	}
}
