package ledger

import (
	"context"
	"fmt"
	"time"
)

// Restart begins a new epoch of an entry of the leader's configuration, by its identity: whatever is
// settled of it, its ticks count from now on, and [Writer.Position] is then that moment. That is for an
// entry whose position is far ahead of the clock: a leader whose clock was wrong has settled ticks that are
// yet to come. It blocks until the record is confirmed, and while [Writer.Know] is at work. No tick of the
// entry may be written meanwhile.
//
// The error is [ErrInvalidRecord], also where no leader has known the entry, or the stream's. Then it is
// not known whether the epoch has begun: Restart is to be called again before a tick of it is written.
func (w *Writer) Restart(ctx context.Context, identity string) error {
	w.knowing.Lock()
	defer w.knowing.Unlock()
	e, found := w.Entry(identity)
	if !found {
		return fmt.Errorf("restart: %w: no leader has known an entry %.40q", ErrInvalidRecord, identity)
	}
	e.Epoch++
	e.Since, e.AbsentSince = w.now(), time.Time{}
	e.SeenAt = e.Since // a wrong clock may have made the older one, and the epoch wins by itself
	if err := w.append(ctx, e.record(KindKnown, identity)); err != nil {
		return fmt.Errorf("restart of %s: %w", e.Name, err)
	}
	delete(w.overruled, identity)
	return nil
}
