package idempotency

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// hold is a claim that this process has, from the claim to what came of the run.
//
// How long it may be trusted is reckoned by our own monotonic clock, from before the claim or its
// extension was sent: the store counts the lease from later than that, so whatever the clocks say
// and however long the answer took, we give the claim up before anybody else may take it.
type hold struct {
	store      Store
	key, owner string
	lease      time.Duration

	until time.Time // of claim, then of keep's goroutine, then of whoever has waited for it
	lost  error     // the same; why the claim is not ours any more

	completed atomic.Bool // a transaction has completed the work
}

type holdKey struct{}

// claim claims the work. An answer that takes a whole lease comes too late.
func (h *hold) claim(ctx context.Context) (Claim, error) {
	h.until = time.Now().Add(h.lease)
	ctx, cancel := context.WithDeadline(ctx, h.until)
	defer cancel()
	return h.store.Claim(ctx, h.key, h.owner, h.lease)
}

// keep extends the claim until ctx is done. Where it is lost it calls lose, and returns.
func (h *hold) keep(ctx context.Context, lose context.CancelCauseFunc, log *slog.Logger) {
	timer := time.NewTimer(h.lease / 3)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		sent := time.Now()
		err := h.extend(ctx)
		switch {
		case ctx.Err() != nil || h.completed.Load():
			return
		case err == nil:
			h.until = sent.Add(h.lease)
			timer.Reset(h.lease / 3)
		case errors.Is(err, ErrClaimLost):
			h.lost = err
			lose(err)
			return
		case time.Now().Before(h.until):
			log.WarnContext(ctx, "the claim could not be extended", "left", time.Until(h.until), "error", err)
			timer.Reset(min(h.lease/10, time.Until(h.until)))
		default:
			h.lost = fmt.Errorf("%w: not extended for %s: %w", ErrClaimLost, h.lease, err)
			lose(h.lost)
			return
		}
	}
}

func (h *hold) extend(ctx context.Context) error {
	ctx, cancel := context.WithDeadline(ctx, h.until)
	defer cancel()
	return h.store.Extend(ctx, h.key, h.owner, h.lease)
}

// finish completes the work; a store that cannot be told is tried again until ctx ends.
func (h *hold) finish(ctx context.Context) error {
	for pause := finishPause; ; pause *= 2 {
		err := h.store.Complete(ctx, h.key, h.owner)
		if err == nil || errors.Is(err, ErrClaimLost) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}
