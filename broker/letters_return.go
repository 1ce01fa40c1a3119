package broker

import (
	"context"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// rounds of a channel that are given back in one go. RabbitMQ keeps the order of some thirty: what its
	// client of a quorum queue has no confirmation of beyond 32 commands it sends later, a consumer after
	// the other in any order. Channels know nothing of each other.
	returnedAtOnce = 16
	// returnWait bounds the wait until what was given back in one go is seen in the queue, and returnPoll
	// is how often it is looked for.
	returnWait = 3 * time.Second
	returnPoll = 2 * time.Millisecond
)

// giveBack returns what was not removed, the oldest first, and ends the channels. Where it fails the
// connection is to be closed, and with it everything goes back by itself: doubtful removals maybe too.
func (l *letters) giveBack(ctx context.Context) (doubtful int, err error) {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	err = l.returnRounds(ctx)
	for _, c := range l.channels {
		if err == nil {
			err = c.ask(c.Close)
		}
	}
	if err == nil {
		return 0, nil
	}
	for _, c := range l.channels {
		doubtful += c.doubtful()
	}
	return doubtful, err
}

// returnRounds gives back round after round, and waits until the queue has got everything.
func (l *letters) returnRounds(ctx context.Context) error {
	if l.taker != nil { // its round was broken off
		if err := l.endRound(); err != nil {
			return err
		}
	}
	if err := l.flush(); err != nil {
		return err
	}
	ready, returned := 0, 0 // ready is how many letters the queue is to have again
	var from *letterChannel
	for _, round := range l.rounds {
		last, count := round.held(round.oldest, round.newest)
		if count == 0 {
			continue
		}
		if round.letterChannel != from || returned == returnedAtOnce {
			queue, err := l.await(ctx, func(q amqp.Queue) bool { return q.Messages >= ready })
			if err != nil {
				return err
			}
			from, ready, returned = round.letterChannel, queue.Messages, 0
		}
		if err := round.Nack(last, true, true); err != nil {
			return err
		}
		ready += count
		returned++
	}
	// A quorum queue counts a consumer until everything that it was given is answered.
	_, err := l.await(ctx, func(q amqp.Queue) bool {
		return (from == nil || q.Messages >= ready) && q.Consumers <= l.others
	})
	return err
}

// flush waits until the queue has got every removal: it does when it gets to it, and what a channel has
// not told it when it ends, it is never told; one that is behind would give back in any order, too.
// A basic.get is what a quorum queue confirms behind all that came before it, and a channel that is then
// asked has been told. A letter that it takes is given back last. Nothing else is answered any more.
func (l *letters) flush() error {
	var behind []*letterChannel
	for _, c := range l.channels {
		if c.behind() {
			behind = append(behind, c)
		}
	}
	if len(behind) == 0 {
		return nil
	}
	for turn := range 3 { // what a channel has, what it kept, and the end of that
		if turn > 0 {
			if _, _, err := l.get(); err != nil {
				return err
			}
		}
		for _, c := range behind {
			if _, err := c.state(); err != nil {
				return err
			}
		}
	}
	return nil
}

// await waits until the queue is as it is to be, for returnWait at most: others may take letters, and
// come to look. Each wait that was in vain halves the next. It returns how the queue is.
func (l *letters) await(ctx context.Context, reached func(amqp.Queue) bool) (amqp.Queue, error) {
	timeout := time.NewTimer(l.returnWait)
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
			l.returnWait /= 2
			return queue, nil
		case <-ctx.Done():
			return queue, nil
		}
	}
}
