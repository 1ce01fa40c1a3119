package broker

import (
	"context"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// trainLength is how many tasks of a batch are submitted at once at most: enough to be one write,
// few enough that nobody notices who publishes beside it.
const trainLength = 32

// cargo is what a batch publishes.
type cargo interface {
	// count is how many messages there are.
	count() int
	// encode returns the i-th. Beside an error it has the ID, where it got as far as having one.
	encode(i int) (tasks.Message, error)
	// address names the i-th as it was given, for one that is not encoded any more.
	address(i int) (id, exchange, key string)
}

// batch is one call of EnqueueMany, or of Append. It keeps at most a window of publications, each of which is
// used again as soon as it has its result, so that the number of tasks costs no memory beyond theirs
// and their outcomes'. All of it belongs to the caller's goroutine.
type batch struct {
	client   *Client
	cargo    cargo
	outcomes []tasks.Enqueued
	begun    int // messages that were encoded: refused, or given a slot

	slots  []publication
	free   []*publication
	flying []bool            // by slot: it has been submitted, or is about to be, and has no result
	done   chan *publication // takes the slots that have their results
}

func newBatch(c *Client, many cargo) *batch {
	size := min(many.count(), c.cfg.Window)
	b := &batch{
		client: c, cargo: many, outcomes: make([]tasks.Enqueued, many.count()),
		slots: make([]publication, size), free: make([]*publication, size), flying: make([]bool, size),
		done: make(chan *publication, size),
	}
	for i := range b.slots {
		b.slots[i].done, b.slots[i].slot = b.done, i
		b.free[size-1-i] = &b.slots[i]
	}
	return b
}

// run publishes the messages and returns what became of each.
func (b *batch) run(ctx context.Context) []tasks.Enqueued {
	timeout := time.NewTimer(b.client.cfg.PublishTimeout)
	defer timeout.Stop()
	var train *publication
	for {
		if train == nil {
			train = b.couple()
		}
		if train == nil && len(b.free) == len(b.slots) {
			return b.outcomes
		}
		queue := b.client.publisher.queue
		if train == nil {
			queue = nil
		}
		select {
		case queue <- train:
			train = nil
		case pub := <-b.done:
			b.collect(pub)
			timeout.Reset(b.client.cfg.PublishTimeout)
		case <-b.client.publisher.closed:
			return b.giveUp(ErrClosed)
		case <-ctx.Done():
			return b.giveUp(ctx.Err())
		case <-timeout.C:
			return b.giveUp(context.DeadlineExceeded)
		}
	}
}

// couple encodes the next messages into free slots, a train of them, and returns the first; nil where
// there is no message or no slot left.
func (b *batch) couple() (first *publication) {
	var last *publication
	for n := 0; n < trainLength && b.begun < len(b.outcomes) && len(b.free) > 0; {
		pub := b.free[len(b.free)-1]
		if !b.encode(b.begun, pub) {
			b.begun++
			continue
		}
		b.free = b.free[:len(b.free)-1]
		b.flying[pub.slot] = true
		pub.index = b.begun
		b.begun++
		n++
		if last == nil {
			first = pub
		} else {
			last.next = pub
		}
		last = pub
	}
	return first
}

// encode makes a message a publication, or its outcome the reason why it is none.
func (b *batch) encode(i int, pub *publication) bool {
	m, err := b.cargo.encode(i)
	b.outcomes[i].ID = m.MessageID
	if err == nil {
		if err = b.client.publisher.prepare(pub, &m); err != nil {
			err = publishError(m.MessageID, m.Exchange, m.RoutingKey, b.client.cfg.tally.published(err))
		}
	}
	b.outcomes[i].Err = err
	return err == nil
}

// collect takes in the results that have come.
func (b *batch) collect(pub *publication) {
	for {
		b.settle(pub, pub.result)
		b.free = append(b.free, pub)
		select {
		case pub = <-b.done:
		default:
			return
		}
	}
}

func (b *batch) settle(pub *publication, result error) {
	b.flying[pub.slot] = false
	result = b.client.cfg.tally.published(result)
	b.outcomes[pub.index].Err = publishError(b.outcomes[pub.index].ID, pub.exchange, pub.key, result)
}

// giveUp tells of each message without an outcome what is known of it.
func (b *batch) giveUp(cause error) []tasks.Enqueued {
	p := b.client.publisher
	unsent := p.unsent(cause)
	for i := range b.slots {
		if pub := &b.slots[i]; b.flying[i] && p.abandon(pub) {
			b.settle(pub, unsent)
		}
	}
	select { // as much as has come by now; what is not abandoned was sent
	case pub := <-b.done:
		b.collect(pub)
	default:
	}
	unconfirmed := p.unconfirmed(cause)
	for i := range b.slots {
		if b.flying[i] {
			b.settle(&b.slots[i], unconfirmed)
		}
	}
	for i := b.begun; i < len(b.outcomes); i++ {
		id, exchange, key := b.cargo.address(i)
		b.outcomes[i] = tasks.Enqueued{ID: id, Err: publishError(id, exchange, key, b.client.cfg.tally.published(unsent))}
	}
	return b.outcomes
}
