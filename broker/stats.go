package broker

import (
	"errors"
	"sync/atomic"
)

// ClientStats is what a client has done since it was made, and how it is now.
type ClientStats struct {
	// Connected says that the publishing connection is up, Blocked that RabbitMQ takes no messages on it.
	Connected bool
	Blocked   bool
	// Reconnects is how often a connection was made anew after a loss: that for publishing, and those of
	// consumers and of followed streams.
	Reconnects uint64

	// What follows counts the messages that were published, by what became of them: tasks, and also what
	// settles them, replies, and records of streams. Each is counted once.

	// Confirmed is how many RabbitMQ has taken.
	Confirmed uint64
	// Unroutable, Nacked, TooLarge and Doubtful are those that were [ErrUnroutable], [ErrNacked],
	// [ErrTooLarge] and [ErrUnconfirmed].
	Unroutable uint64
	Nacked     uint64
	TooLarge   uint64
	Doubtful   uint64
	// NotTaken is how many were [ErrBlocked] and nothing else: not sent, since RabbitMQ took nothing.
	NotTaken uint64
	// Failed is how many were not published for another reason.
	Failed uint64
}

// Stats returns the client's numbers. It does not block.
func (c *Client) Stats() ClientStats {
	t := c.cfg.tally
	s := ClientStats{
		Reconnects: t.reconnects.Load(), Confirmed: t.confirmed.Load(), Unroutable: t.unroutable.Load(), Nacked: t.nacked.Load(),
		TooLarge: t.tooLarge.Load(), Doubtful: t.doubtful.Load(), NotTaken: t.notTaken.Load(), Failed: t.failed.Load(),
	}
	if conn, _, _ := c.publisher.supervisor.state(); conn != nil {
		s.Connected, s.Blocked = true, conn.blocked.Load()
	}
	return s
}

// tally counts what a client and its consumers do. It is safe for use by any number of goroutines.
type tally struct {
	reconnects                                                          atomic.Uint64
	confirmed, unroutable, nacked, tooLarge, doubtful, notTaken, failed atomic.Uint64
}

// published counts a message by what became of it, and returns that.
func (t *tally) published(err error) error {
	switch {
	case err == nil:
		t.confirmed.Add(1)
	case errors.Is(err, ErrUnconfirmed): // whatever else it is
		t.doubtful.Add(1)
	case errors.Is(err, ErrUnroutable):
		t.unroutable.Add(1)
	case errors.Is(err, ErrNacked):
		t.nacked.Add(1)
	case errors.Is(err, ErrTooLarge):
		t.tooLarge.Add(1)
	case errors.Is(err, ErrBlocked):
		t.notTaken.Add(1)
	default:
		t.failed.Add(1)
	}
	return err
}
