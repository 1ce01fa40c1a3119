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
	returnWait = 3 * time.Second
	returnPoll = 2 * time.Millisecond
)

// letters are those that one channel has taken from a queue, of which the newest delivery tag of each
// round and a bit for each letter is kept. Only the answers come from several goroutines.
type letters struct {
	channel *amqp.Channel
	queue   string
	closed  <-chan *amqp.Error
	others  int // consumers that the queue had before

	newest uint64   // delivery tag
	rounds []uint64 // the newest delivery tag of each get and each consumer, in order

	mu      sync.Mutex
	pending int           // shown and not answered
	idle    chan struct{} // holds a token when the last answer has come
	over    bool          // answers do nothing any more
	removed []uint64      // a bit for each delivery tag
	count   int           // of removals
	sent    int           // removals that were sent
	heard   int           // removals that were sent before the last thing that was asked
	known   int           // removals that the queue knows of: see ask
	begun   uint64        // the newest delivery tag before the consumer in force, 0 where there is none
	late    []uint64      // removals to be sent when there is none any more
}

func newLetters(channel *amqp.Channel, queue string) *letters {
	return &letters{
		channel: channel, queue: queue, idle: make(chan struct{}, 1),
		closed: channel.NotifyClose(make(chan *amqp.Error, 1)),
	}
}

// ask calls something that the broker answers. By then its channel has all removals that were sent
// before, but may still keep them from a quorum queue: until that has confirmed earlier commands, which
// it has when the next thing is answered.
func (l *letters) ask(call func() error) error {
	l.mu.Lock()
	sent := l.sent
	l.mu.Unlock()
	if err := call(); err != nil {
		return describe("queue", l.queue, err)
	}
	l.mu.Lock()
	l.known, l.heard = l.heard, sent
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

// awaitAnswers waits until every letter that was shown has its answer, or ctx is done.
func (l *letters) awaitAnswers(ctx context.Context) error {
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
	if err != nil {
		return l.count - l.known, err
	}
	return 0, nil
}

// returnRounds gives back round after round, and waits until the queue has got everything, removals
// too: it does when it gets to it, and what the channel has not told it when it ends, it is never told.
// Nothing else is answered any more. A basic.get is what a quorum queue confirms behind all that came
// before it; a letter that it takes is given back last.
func (l *letters) returnRounds(ctx context.Context) error {
	if len(l.rounds) == 0 || l.rounds[len(l.rounds)-1] != l.newest { // one was broken off
		if err := l.endRound(); err != nil {
			return err
		}
	}
	for range 2 { // until it is not behind with removals, and would take what is given back in any order
		if l.sent == 0 {
			break
		}
		if _, _, err := l.get(); err != nil {
			return err
		}
		if _, err := l.state(); err != nil { // by when the channel knows what the queue has confirmed
			return err
		}
	}
	var oldest uint64
	ready, returned := 0, 0 // ready is how many letters the queue is to have again
	for _, newest := range l.rounds {
		last, count := l.held(oldest, newest)
		oldest = newest
		if count == 0 {
			continue
		}
		if returned%returnedAtOnce == 0 {
			queue, err := l.await(ctx, func(q amqp.Queue) bool { return q.Messages >= ready })
			if err != nil {
				return err
			}
			ready = queue.Messages
		}
		if err := l.channel.Nack(last, true, true); err != nil {
			return err
		}
		ready += count
		returned++
	}
	// A quorum queue counts a consumer until everything that it was given is answered.
	_, err := l.await(ctx, func(q amqp.Queue) bool {
		return (returned == 0 || q.Messages >= ready) && q.Consumers <= l.others
	})
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

// state is how many letters the queue has to give out, and its consumers.
func (l *letters) state() (queue amqp.Queue, err error) {
	err = l.ask(func() error {
		queue, err = l.channel.QueueDeclarePassive(l.queue, true, false, false, false, nil)
		return err
	})
	return queue, err
}

// await waits until the queue is as it is to be, for returnWait at most: others may take letters, and
// come to look. It returns how the queue is.
func (l *letters) await(ctx context.Context, reached func(amqp.Queue) bool) (amqp.Queue, error) {
	timeout := time.NewTimer(returnWait)
	defer timeout.Stop()
	poll := time.NewTicker(returnPoll)
	defer poll.Stop()
	for {
		queue, err := l.state()
		if err != nil || reached(queue) {
			return queue, err
		}
		select {
		case <-poll.C:
		case <-timeout.C:
			return queue, nil
		case <-ctx.Done():
			return queue, nil
		}
	}
}
