package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/streams"
)

const (
	// snapshotAfter is after what time a snapshot is due, and snapshotIdle where nothing has been appended:
	// each reader leaves a marker in the stream, so there is ever more to read.
	snapshotAfter = 10 * time.Minute
	snapshotIdle  = time.Hour
	// snapshotWeight is after how many bytes of records one is due at the earliest, and snapshotLoad after
	// how many times its own size: so snapshots are at most a fifth of what is appended. They are never
	// further apart than maxSnapshotWeight, far less than the stream keeps.
	snapshotWeight    = 256 << 10
	snapshotLoad      = 4
	maxSnapshotWeight = 8 << 20
	// snapshotRetry is when a snapshot is tried again that could not be written, and snapshotTimeout when
	// it counts as such: the call that writes it has something better to do.
	snapshotRetry   = time.Minute
	snapshotTimeout = 5 * time.Second
	// partBytes is how large the entries in a part of a snapshot are.
	partBytes = 128 << 10
)

// snapshots is what the Writer knows of its snapshots.
type snapshots struct {
	writing sync.Mutex // held by whoever writes one; it guards what follows
	begun   bool       // the first one of the term has been tried
	failed  bool       // the latest one could not be written
	tried   time.Time  // when that was
	size    int        // how many bytes the latest one has
	lost    bool       // it is not known up to where the stream has been read
}

// snapshotIfDue writes a snapshot where one is due and nobody else does. One that cannot be written is
// tried again later: until then readers read a little more.
func (w *Writer) snapshotIfDue(ctx context.Context) {
	if !w.writing.TryLock() {
		return
	}
	defer w.writing.Unlock()
	if !w.snapshotDue() || !w.knowing.TryLock() {
		return
	}
	defer w.knowing.Unlock()
	w.begun, w.tried = true, w.cfg.Clock.Now()
	err := w.snapshot(ctx)
	w.failed = err != nil
	if err != nil {
		w.cfg.Log.Warn("no snapshot of the schedule's ledger", "term", w.cfg.Term, "error", err)
	}
}

func (w *Writer) snapshotDue() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	age := w.cfg.Clock.Now().Sub(w.tried)
	switch {
	case !w.begun:
		return true
	case w.failed:
		return age >= snapshotRetry || age < 0
	}
	return w.weight > 0 && (age >= snapshotAfter || age < 0) || age >= snapshotIdle ||
		w.weight > min(max(snapshotWeight, snapshotLoad*w.size), maxSnapshotWeight)
}

// overweight reports whether as much has been appended as there may be at most between two snapshots.
func (w *Writer) overweight() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.weight > maxSnapshotWeight
}

// snapshot appends the state.
func (w *Writer) snapshot(ctx context.Context) error {
	ctx, cancel := clockwork.WithTimeout(ctx, w.cfg.Clock, snapshotTimeout)
	defer cancel()
	own := w.present()
	err := w.readBack(ctx)
	w.compare(own)
	if err != nil {
		return err
	}
	if err := w.repeat(ctx); err != nil {
		return err
	}
	now := w.now()
	w.mu.Lock()
	w.state.forget(now, MaxEntries)
	readFrom, weight, entries := w.state.next, w.weight, w.state.Entries()
	w.mu.Unlock()

	parts := divide(entries)
	id := uuid.NewString()
	lines := make([][]byte, len(parts))
	size := 0
	for i, part := range parts {
		r := Record{
			Kind: KindSnapshot, Snapshot: id, Part: i + 1, Parts: len(parts), Entries: part,
			ReadFrom: &readFrom, At: now, Term: w.cfg.Term, Scheduler: w.cfg.Scheduler,
		}
		var err error
		if lines[i], err = r.Encode(); err != nil {
			return err
		}
		size += len(lines[i])
	}
	last := len(lines) - 1
	if err := w.stream.Append(ctx, w.cfg.Stream, lines[:last]...); err != nil {
		return err
	}
	if err := w.stream.Append(ctx, w.cfg.Stream, lines[last]); err != nil {
		return err
	}
	w.size = size
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readFrom = &readFrom
	w.weight -= weight // what was appended meanwhile is not in it
	return nil
}

// readBack adds to the state what was appended since the stream was last read, by whomever. The stream
// may have been deleted meanwhile, and its numbers begun anew: then that fails, and the next time all is
// read as by a new leader.
func (w *Writer) readBack(ctx context.Context) error {
	if w.lost {
		state, err := Load(ctx, w.stream, w.cfg.Stream, w.cfg.Clock.Now())
		if err != nil {
			return fmt.Errorf("load again: %w", err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, of := range []map[string]Entry{state.entries, state.strays} {
			for identity, e := range of {
				w.state.merge(identity, e)
			}
		}
		w.state.next, w.lost = state.next, false
		return nil
	}
	w.mu.Lock()
	next := w.state.next
	w.mu.Unlock()
	err := w.stream.ReadStream(ctx, w.cfg.Stream, streams.At(next), func(entry streams.Record) error {
		r, err := Decode(entry)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.state.next = entry.Offset + 1
		if err == nil {
			w.state.Apply(r)
		}
		return nil
	})
	if err != nil {
		w.lost = true
		return fmt.Errorf("read back: %w", err)
	}
	return nil
}

// divide parts entries so that each part fits a record; there is one at least.
func divide(entries map[string]Entry) []map[string]Entry {
	parts := []map[string]Entry{{}}
	size := 0
	for _, identity := range slices.Sorted(maps.Keys(entries)) {
		e := entries[identity]
		line, _ := json.Marshal(e) // what cannot be written is told of when the record is encoded
		weight := len(identity) + len(line)
		if size += weight; size > partBytes && weight < size {
			parts = append(parts, map[string]Entry{})
			size = weight
		}
		parts[len(parts)-1][identity] = e
	}
	return parts
}
