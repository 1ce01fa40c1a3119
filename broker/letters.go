package broker

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

const (
	// rounds that are given back in one go. RabbitMQ keeps the order of some thirty: what its client of a
	// quorum queue has no confirmation of beyond 32 commands it sends later, a consumer after the other in
	// any order.
	returnedAtOnce = 16
	// returnWait bounds the wait until what was given back in one go is seen in the queue, and returnPoll
	// is how often it is looked for.
	returnWait = time.Second
	returnPoll = 2 * time.Millisecond
)

// letters are those that one channel has taken from a queue, of which the newest delivery tag of each
// round and a bit for each letter is kept. Only the answers come from several goroutines.
type letters struct {
	channel *amqp.Channel
	queue   string
	closed  <-chan *amqp.Error

	newest uint64   // delivery tag
	rounds []uint64 // the newest delivery tag of each get and each consumer, in order

	mu      sync.Mutex
	pending int           // shown and not answered
	idle    chan struct{} // holds a token when the last answer has come
	over    bool          // answers do nothing any more
	removed []uint64      // a bit for each delivery tag
	count   int           // of removals
	sent    int           // removals that were sent
	known   int           // removals that the broker knows of: it has answered something since
	begun   uint64        // the newest delivery tag before the consumer in force, 0 where there is none
	late    []uint64      // removals to be sent when there is none any more
}

func newLetters(channel *amqp.Channel, queue string) *letters {
	return &letters{
		channel: channel, queue: queue, idle: make(chan struct{}, 1),
		closed: channel.NotifyClose(make(chan *amqp.Error, 1)),
	}
}

// ask calls something that the broker answers, by when it knows of all removals that were sent before.
func (l *letters) ask(call func() error) error {
	l.mu.Lock()
	sent := l.sent
	l.mu.Unlock()
	if err := call(); err != nil {
		return describe("queue", l.queue, err)
	}
	l.mu.Lock()
	l.known = sent
	l.mu.Unlock()
	return nil
}

// get takes the first letter. It is a round of its own. The second result is false where there is none.
func (l *letters) get() (d amqp.Delivery, ok bool, err error) {
	err = l.ask(func() error {
		d, ok, err = l.channel.Get(l.queue, false)
		return err
	})
	if !ok {
		return d, false, err
	}
	l.take(d.DeliveryTag)
	return d, true, l.endRound()
}

// consume begins a round that takes count letters, all of which are to be received before it is
// cancelled: what is on its way to a cancelled consumer a quorum queue takes back, before what it gets
// back later. So that nothing is, the removals of this round, each of which would have the broker send
// one letter more, are held back until then.
func (l *letters) consume(count int) (consumer string, deliveries <-chan amqp.Delivery, err error) {
	consumer = "warren." + strconv.Itoa(len(l.rounds))
	l.mu.Lock()
	l.begun = l.newest
	l.mu.Unlock()
	err = l.ask(func() error {
		if err := l.channel.Qos(count, 0, false); err != nil {
			return err
		}
		deliveries, err = l.channel.Consume(l.queue, consumer, false, false, false, false, nil)
		return err
	})
	return consumer, deliveries, err
}

// cancel ends a consumer; what a classic queue has sent is still delivered, and endRound is to follow.
func (l *letters) cancel(consumer string) error {
	return l.ask(func() error { return l.channel.Cancel(consumer, false) })
}

// take notes a delivery.
func (l *letters) take(tag uint64) { l.newest = tag }

// endRound sends the removals that were held back.
func (l *letters) endRound() error {
	l.rounds = append(l.rounds, l.newest)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = 0
	for _, tag := range l.late {
		if err := l.send(tag); err != nil {
			return err
		}
	}
	l.late = l.late[:0]
	return nil
}

// show returns the letter of a delivery for its answer.
func (l *letters) show(tag uint64, m tasks.Message, unreadable error) *tasks.Letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending++
	return tasks.NewLetter(m, unreadable, func(remove bool) error { return l.answer(tag, remove) })
}

// answer removes a letter or leaves it.
func (l *letters) answer(tag uint64, remove bool) error {
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
	case l.begun > 0 && tag > l.begun:
		l.late = append(l.late, tag)
	default:
		if err := l.send(tag); err != nil {
			return fmt.Errorf("remove a letter from %s: %w: %w", l.queue, ErrSessionLost, err)
		}
	}
	for uint64(len(l.removed)) <= tag/64 {
		l.removed = append(l.removed, 0)
	}
	l.removed[tag/64] |= 1 << (tag % 64)
	l.count++
	return nil
}

// send tells the broker of a removal. The caller holds the lock.
func (l *letters) send(tag uint64) error {
	if err := l.channel.Ack(tag, false); err != nil {
		return err
	}
	l.sent++
	return nil
}

// await waits until every letter that was shown has its answer, or ctx is done.
func (l *letters) await(ctx context.Context) error {
	for {
		l.mu.Lock()
		pending := l.pending
		l.mu.Unlock()
		if pending == 0 {
			return nil
		}
		select {
		case <-l.idle:
		case err := <-l.closed:
			return closeCause(err)
		case <-ctx.Done():
			return nil
		}
	}
}

// giveBack returns what was not removed, the oldest first, and ends the channel. Where it fails the
// channel is lost, and with it everything has gone back by itself: doubtful removals maybe too.
func (l *letters) giveBack(ctx context.Context) (doubtful int, err error) {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	if err = l.returnRounds(ctx); err == nil {
		err = l.ask(l.channel.Close)
	}
	return l.count - l.known, err
}

// returnRounds gives back round after round, and waits until they are back: a queue takes them when it
// gets to it. Nothing else is answered any more.
func (l *letters) returnRounds(ctx context.Context) error {
	if len(l.rounds) == 0 || l.rounds[len(l.rounds)-1] != l.newest { // one was broken off
		if err := l.endRound(); err != nil {
			return err
		}
	}
	var oldest, ready uint64 // ready is how many letters the queue is to have again
	returned := 0
	for _, newest := range l.rounds {
		last, count := l.held(oldest, newest)
		oldest = newest
		if count == 0 {
			continue
		}
		if returned%returnedAtOnce == 0 {
			has, err := l.awaitReady(ctx, ready)
			if err != nil {
				return err
			}
			ready = has
		}
		if err := l.channel.Nack(last, true, true); err != nil {
			return err
		}
		ready += uint64(count)
		returned++
	}
	if returned == 0 {
		return nil
	}
	_, err := l.awaitReady(ctx, ready)
	return err
}

// held returns the newest delivery tag that was not removed, of those after oldest and up to newest, and
// how many such there are. RabbitMQ closes the channel over a tag that it does not hold.
func (l *letters) held(oldest, newest uint64) (last uint64, count int) {
	for tag := oldest + 1; tag <= newest; tag++ {
		if word := tag / 64; word >= uint64(len(l.removed)) || l.removed[word]&(1<<(tag%64)) == 0 {
			last = tag
			count++
		}
	}
	return last, count
}

// awaitReady waits until the queue has so many letters to give out, for returnWait at most: others may
// take some. It returns how many there are.
func (l *letters) awaitReady(ctx context.Context, ready uint64) (uint64, error) {
	timeout := time.NewTimer(returnWait)
	defer timeout.Stop()
	poll := time.NewTicker(returnPoll)
	defer poll.Stop()
	for {
		var queue amqp.Queue
		err := l.ask(func() (err error) {
			queue, err = l.channel.QueueDeclarePassive(l.queue, true, false, false, false, nil)
			return err
		})
		if err != nil || uint64(queue.Messages) >= ready {
			return uint64(queue.Messages), err
		}
		select {
		case <-poll.C:
		case <-timeout.C:
			return uint64(queue.Messages), nil
		case <-ctx.Done():
			return uint64(queue.Messages), nil
		}
	}
}
