package ledger

import (
	"context"
	"fmt"
	"maps"
)

// A leader that has been deposed may yet be appending what it says of its configuration, and that may land
// after its successor has read the ledger. The next leader would take it for what the successor said: for
// an entry that was absent, or fired at other times, and whose ticks count anew. So the successor, once it
// reads of it, says again what holds.

// present returns the entries of the leader's configuration, as the writer has them.
func (w *Writer) present() map[string]Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	present := make(map[string]Entry, len(w.state.entries))
	for identity, e := range w.state.entries {
		if e.AbsentSince.IsZero() {
			present[identity] = e
		}
	}
	maps.Copy(present, w.overruled)
	return present
}

// compare finds out which of the configuration's entries have another sight, or epoch, than the writer had
// them in, by what a leader of this term or an older one said. What one of a newer term says holds.
func (w *Writer) compare(own map[string]Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.overruled = nil
	for identity, mine := range own {
		e := w.state.entries[identity]
		same := e.compareSight(&mine) == 0 && e.Epoch == mine.Epoch
		if same || e.SeenTerm > w.cfg.Term {
			continue
		}
		if w.overruled == nil {
			w.overruled = map[string]Entry{}
		}
		w.overruled[identity] = mine
	}
}

// repeat appends what holds of the entries for which another came to be known. What the writer has settled
// of one whose epoch has changed counts no longer, so its ticks count from there on in a newer one.
func (w *Writer) repeat(ctx context.Context) error {
	if len(w.overruled) == 0 {
		return nil
	}
	now := w.now()
	records := make([]Record, 0, len(w.overruled))
	w.mu.Lock()
	for identity, mine := range w.overruled {
		e := w.state.entries[identity]
		if e.Epoch > mine.Epoch {
			mine.Epoch, mine.Since = min(e.Epoch+1, maxEpoch), mine.Position()
		}
		mine.SeenAt = later(now, e.SeenAt)
		records = append(records, mine.record(KindKnown, identity))
	}
	w.mu.Unlock()
	w.cfg.Log.Warn("what an older leader said of the schedule came late: entries are told again",
		"entries", len(records), "term", w.cfg.Term)
	if err := w.append(ctx, records...); err != nil {
		return fmt.Errorf("tell entries again: %w", err)
	}
	w.overruled = nil
	return nil
}
