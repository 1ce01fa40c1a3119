package broker

import (
	"errors"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// letterChannel is one of the channels that letters are taken by: the life of their delivery tags, of
// each of which it keeps a bit. Only removals come from several goroutines.
type letterChannel struct {
	*amqp.Channel
	queue  string
	closed <-chan *amqp.Error
	why    error  // what closed has told
	newest uint64 // delivery tag; they count from 1

	mu      sync.Mutex
	removed []uint64 // a bit for each delivery tag
	count   int      // of removals
	sent    int      // removals that were sent
	heard   int      // removals that were sent before the last thing that was asked
	known   int      // removals that the queue knows of: see ask
}

func newLetterChannel(channel *amqp.Channel, queue string) *letterChannel {
	return &letterChannel{Channel: channel, queue: queue, closed: channel.NotifyClose(make(chan *amqp.Error, 1))}
}

// ask calls something that the broker answers. By then its channel has all removals that were sent
// before, but may still keep them from a quorum queue: until that has confirmed earlier commands, which
// it has when the next thing is answered.
func (c *letterChannel) ask(call func() error) error {
	c.mu.Lock()
	sent := c.sent
	c.mu.Unlock()
	if err := call(); errors.Is(err, amqp.ErrClosed) {
		return describe("queue", c.queue, c.cause(<-c.closed))
	} else if err != nil {
		return describe("queue", c.queue, err)
	}
	c.mu.Lock()
	c.known, c.heard = c.heard, sent
	c.mu.Unlock()
	return nil
}

// cause is why the channel is closed, told what was received from closed, which tells it once.
func (c *letterChannel) cause(received *amqp.Error) error {
	if c.why == nil {
		c.why = closeCause(received)
	}
	return c.why
}

// state is how many letters the queue has to give out, and its consumers.
func (c *letterChannel) state() (queue amqp.Queue, err error) {
	err = c.ask(func() error {
		queue, err = c.QueueDeclarePassive(c.queue, true, false, false, false, nil)
		return err
	})
	return queue, err
}

// note notes a removal.
func (c *letterChannel) note(tag uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for uint64(len(c.removed)) <= tag/64 {
		c.removed = append(c.removed, 0)
	}
	c.removed[tag/64] |= 1 << (tag % 64)
	c.count++
}

// send tells the broker of a removal.
func (c *letterChannel) send(tag uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.Ack(tag, false); err != nil {
		return err
	}
	c.sent++
	return nil
}

// behind reports whether there are removals of which the queue may not know yet.
func (c *letterChannel) behind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known < c.sent
}

// doubtful is how many letters that were removed come back when the channel is lost, at most.
func (c *letterChannel) doubtful() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count - c.known
}

// kept is how many letters were taken and not removed.
func (c *letterChannel) kept() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.newest) - c.count
}

// held returns the newest delivery tag that was not removed, of those after oldest and up to newest, and
// how many such there are. RabbitMQ closes the channel over a tag that it does not hold.
func (c *letterChannel) held(oldest, newest uint64) (last uint64, count int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tag := oldest + 1; tag <= newest; tag++ {
		if word := tag / 64; word >= uint64(len(c.removed)) || c.removed[word]&(1<<(tag%64)) == 0 {
			last = tag
			count++
		}
	}
	return last, count
}
