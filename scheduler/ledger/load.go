package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/warrenmq/warren/streams"
)

// Reader reads a stream from a place to where it ended when the reading began. broker.Client is one.
type Reader interface {
	ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error
}

// Load reads the state of a ledger up to now. It blocks. What it reads is bounded by how much is
// appended between two snapshots, however old the ledger is; a stream without one, as one that is new,
// it reads as a whole. Records that cannot be read are passed over. The clock says where to look for
// records first, and a wrong one costs nothing but time. The errors are the reader's.
func Load(ctx context.Context, reader Reader, stream string, now time.Time) (*State, error) {
	start, found, err := findStart(ctx, reader, stream, now)
	if err != nil {
		return nil, err
	}
	if found {
		load := loading{start: start}
		err := reader.ReadStream(ctx, stream, streams.At(start), load.take)
		if err != nil || load.covered {
			return load.result(err)
		}
	}
	var load loading // all there is
	return load.result(reader.ReadStream(ctx, stream, streams.First(), load.take))
}

// windows are how far back to look for a record that says where to begin. While ticks are emitted there
// is one within the first: a snapshot is written every ten minutes.
var windows = []time.Duration{
	15 * time.Minute, 2 * time.Hour, 16 * time.Hour, 5 * 24 * time.Hour, 40 * 24 * time.Hour, 400 * 24 * time.Hour,
}

// errFound ends the search.
var errFound = errors.New("found")

// findStart returns where to begin to read, as the first record says that is found in a window.
func findStart(ctx context.Context, reader Reader, stream string, now time.Time) (uint64, bool, error) {
	var start uint64
	look := func(entry streams.Record) error {
		r, err := Decode(entry)
		if err != nil {
			return nil
		}
		var found bool
		if start, found = r.start(); found {
			return errFound
		}
		return nil
	}
	for _, window := range windows {
		err := reader.ReadStream(ctx, stream, streams.Since(now.Add(-window)), look)
		if errors.Is(err, errFound) {
			return start, true, nil
		}
		if err != nil {
			return 0, false, err
		}
	}
	return 0, false, nil
}

// loading is one reading of a ledger.
type loading struct {
	state   State
	start   uint64
	parts   map[string]map[int]bool // of snapshots that know what stands before start
	covered bool                    // all parts of one were read
}

func (l *loading) take(entry streams.Record) error {
	if entry.Offset < l.state.next { // of another stream under the same name
		*l = loading{start: l.start}
	}
	l.state.next = entry.Offset + 1
	r, err := Decode(entry)
	if err != nil {
		return nil
	}
	l.state.Apply(r)
	if r.Kind == KindSnapshot && *r.ReadFrom == l.start && !l.covered {
		l.note(r)
	}
	return nil
}

func (l *loading) note(r Record) {
	if l.parts == nil {
		l.parts = map[string]map[int]bool{}
	}
	read := l.parts[r.Snapshot]
	if read == nil {
		read = map[int]bool{}
		l.parts[r.Snapshot] = read
	}
	read[r.Part] = true
	l.covered = len(read) == r.Parts
}

func (l *loading) result(err error) (*State, error) {
	if err != nil {
		return nil, err
	}
	return &l.state, nil
}
