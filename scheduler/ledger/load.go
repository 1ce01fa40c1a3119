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

// windows are how far back to look for a record that says where to begin.
var windows = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, 10 * time.Hour, 10 * 24 * time.Hour, 400 * 24 * time.Hour}

// errFound ends the search.
var errFound = errors.New("found")

// findStart returns where to begin to read, as a record says that is one of the newest: from it on
// everything will be read. A stream can be entered at a second and is read forwards only, so this looks in
// windows that grow until one has a record, and takes the first one there. Where that is not the
// smallest window it halves the time in which the newest record must be, down to a second: much may have
// been emitted before a long pause. To look costs a connection.
func findStart(ctx context.Context, reader Reader, stream string, now time.Time) (start uint64, found bool, err error) {
	look := func(entry streams.Record) error {
		if r, err := Decode(entry); err == nil {
			if named, ok := r.start(); ok {
				start, found = named, true
				return errFound
			}
		}
		return nil
	}
	// within reports whether there is such a record that is younger.
	within := func(age time.Duration) (bool, error) {
		err := reader.ReadStream(ctx, stream, streams.Since(now.Add(-age)), look)
		if errors.Is(err, errFound) {
			return true, nil
		}
		return false, err
	}
	var low, high time.Duration // none is younger than low, one is younger than high
	for _, high = range windows {
		if hit, err := within(high); err != nil {
			return 0, false, err
		} else if hit {
			break
		}
		low = high
	}
	for found && high > windows[0] && high-low > time.Second {
		middle := low + (high-low)/2
		hit, err := within(middle)
		switch {
		case err != nil:
			return 0, false, err
		case hit:
			high = middle
		default:
			low = middle
		}
	}
	return start, found, nil
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
