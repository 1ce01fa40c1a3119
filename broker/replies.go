package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

const (
	// replyExpiry is how long a reply queue outlives its last consumer: a client that was away for
	// longer cannot know any more what it was told meanwhile.
	replyExpiry = 5 * time.Minute
	// replyPrefetch is how many replies may be on their way to the client; they are acknowledged as
	// they come.
	replyPrefetch = 256
	// replyDeleteTimeout bounds the deletion of a reply queue that is not used any more.
	replyDeleteTimeout = 2 * time.Second
)

// replies is where the answers for a client's waiters come in: a reply queue, made on first use, and
// another after that one was lost.
type replies struct {
	client *Client
	life   context.Context // done when the client is closed
	end    context.CancelFunc
	making chan struct{} // holds a token while a queue is being made
	done   sync.WaitGroup

	mu    sync.Mutex
	queue *replyQueue // nil while there is none
}

// replyQueue is one reply queue, with those who wait for what comes to it. It is a classic queue: a
// name that is made up would be an atom in the broker for ever if it were a quorum queue's.
type replyQueue struct {
	replies  *replies
	name     string
	consumer *Consumer
	// What follows is under the replies' lock.
	waiters map[string][]*waiter // by task ID
	lost    bool
}

// waiter is one call that waits for a task.
type waiter struct {
	queue    *replyQueue
	id       string
	progress chan tasks.ProgressEvent // the newest, where it has not been taken
	end      chan ending              // what it waits for; there is room for it
}

// ending is the end of a wait.
type ending struct {
	reply tasks.Reply
	err   error
}

func newReplies(c *Client) *replies {
	r := &replies{client: c, making: make(chan struct{}, 1)}
	r.life, r.end = context.WithCancel(context.Background())
	return r
}

// wait enters a waiter for a task, which leaves after use. It blocks while the queue is being made,
// for PublishTimeout at most.
func (r *replies) wait(ctx context.Context, id string) (*waiter, error) {
	ctx, cancel := context.WithTimeout(ctx, r.client.cfg.PublishTimeout)
	defer cancel()
	defer context.AfterFunc(r.life, cancel)()
	select {
	case r.making <- struct{}{}:
		defer func() { <-r.making }()
	case <-ctx.Done():
		return nil, r.cause(ctx)
	}
	for {
		if w := r.enter(id); w != nil {
			return w, nil
		}
		if err := r.make(ctx); err != nil {
			return nil, err
		}
	}
}

// cause tells why making a queue was given up.
func (r *replies) cause(ctx context.Context) error {
	if r.life.Err() != nil {
		return ErrClosed
	}
	return ctx.Err()
}

// enter enters a waiter, nil where there is no queue.
func (r *replies) enter(id string) *waiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queue == nil {
		return nil
	}
	w := &waiter{queue: r.queue, id: id, progress: make(chan tasks.ProgressEvent, 1), end: make(chan ending, 1)}
	r.queue.waiters[id] = append(r.queue.waiters[id], w)
	return w
}

// make declares a queue and begins to consume it.
func (r *replies) make(ctx context.Context) error {
	q := &replyQueue{replies: r, name: r.client.names.Reply(tasks.NewID()), waiters: map[string][]*waiter{}}
	waiting := backoff{min: r.client.cfg.BackoffMin, max: r.client.cfg.BackoffMax}
	for {
		err := q.declare(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, ErrNotConnected) || errors.Is(err, errLogIn) || waiting.wait(ctx) != nil {
			return errors.Join(err, r.cause(ctx))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life.Err() != nil {
		return ErrClosed // the queue expires
	}
	var err error
	q.consumer, err = r.client.NewConsumer(ConsumerConfig{
		Queue: q.name, Prefetch: replyPrefetch, Deliver: q.deliver, Prepare: q.lose,
	})
	if err == nil {
		r.queue = q
	}
	return err
}

func (q *replyQueue) declare(ctx context.Context) error {
	return q.replies.client.withChannel(ctx, "reply queue", func(newChannel func() (*amqp.Channel, error)) error {
		channel, err := newChannel()
		if err != nil {
			return err
		}
		args := amqp.Table{routing.ArgQueueType: string(routing.Classic), "x-expires": replyExpiry.Milliseconds()}
		if _, err := channel.QueueDeclare(q.name, true, false, false, false, args); err != nil {
			return describe("queue", q.name, err)
		}
		return nil
	})
}

// deliver hands a reply to those who wait for it. Nobody may wait any more.
func (q *replyQueue) deliver(d *Delivery) {
	id := d.Message.CorrelationID
	reply, progress, err := tasks.ReadReply(d.Message)
	reply.ID = id
	var remote *tasks.RemoteError
	if errors.As(err, &remote) {
		remote.ID = id
	}
	q.replies.mu.Lock()
	for _, w := range q.waiters[id] {
		if progress != nil {
			w.tell(*progress)
		} else {
			w.end <- ending{reply, err}
		}
	}
	if progress == nil {
		delete(q.waiters, id)
	}
	q.replies.mu.Unlock()
	_ = d.Ack() // where the session is lost it comes again, to nobody
}

// tell gives an event to a waiter, in place of one that it has not taken yet. The caller holds the
// lock, so nobody else does.
func (w *waiter) tell(e tasks.ProgressEvent) {
	select {
	case <-w.progress:
	default:
	}
	w.progress <- e
}

// leave ends a wait.
func (w *waiter) leave() {
	w.queue.replies.mu.Lock()
	defer w.queue.replies.mu.Unlock()
	left := w.queue.waiters[w.id]
	for i, other := range left {
		if other == w {
			left = append(left[:i:i], left[i+1:]...)
		}
	}
	if len(left) == 0 {
		delete(w.queue.waiters, w.id)
		return
	}
	w.queue.waiters[w.id] = left
}

// lose is called by the consumer when the queue does not exist any more: what its waiters wait for
// may have gone with it. The next to wait gets another queue.
func (q *replyQueue) lose(context.Context) error {
	q.replies.mu.Lock()
	defer q.replies.mu.Unlock()
	if !q.lost {
		q.fail(tasks.ErrReplyLost)
		q.replies.done.Go(q.consumer.Close) // which waits for this call
	}
	return tasks.ErrReplyLost
}

// fail ends all waits. The caller holds the lock.
func (q *replyQueue) fail(err error) {
	q.lost = true
	if q.replies.queue == q {
		q.replies.queue = nil
	}
	for _, waiters := range q.waiters {
		for _, w := range waiters {
			w.end <- ending{err: err}
		}
	}
	clear(q.waiters)
}

// close ends all waits with ErrClosed, deletes the queue, and returns when the goroutines are gone.
func (r *replies) close() {
	r.end()
	r.mu.Lock()
	q := r.queue
	if q != nil {
		q.fail(ErrClosed)
	}
	r.mu.Unlock()
	if q != nil {
		q.consumer.Close()
		q.delete()
	}
	r.done.Wait()
}

// delete deletes the queue, or leaves it to its expiry where the broker is away.
func (q *replyQueue) delete() {
	c := q.replies.client
	if conn, _, _ := c.publisher.supervisor.state(); conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), replyDeleteTimeout)
	defer cancel()
	err := c.withChannel(ctx, "reply queue", func(newChannel func() (*amqp.Channel, error)) error {
		channel, err := newChannel()
		if err != nil {
			return err
		}
		_, err = channel.QueueDelete(q.name, false, false, false)
		return err
	})
	if err != nil {
		c.cfg.Log.Debug("reply queue not deleted, it will expire", "error", fmt.Errorf("queue %s: %w", q.name, err))
	}
}
