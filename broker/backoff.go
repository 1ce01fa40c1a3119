package broker

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff spaces attempts: each wait is twice the one before, spread by half.
type backoff struct {
	min, max time.Duration
	next     time.Duration
}

func (b *backoff) reset() { b.next = 0 }

// wait blocks for the next time, or until ctx is done, whose error it returns.
func (b *backoff) wait(ctx context.Context) error {
	b.next = min(max(2*b.next, b.min), b.max)
	half := b.next / 2
	timer := time.NewTimer(half + rand.N(half+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
