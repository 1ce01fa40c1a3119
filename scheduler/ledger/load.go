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
// appended between two snapshots where something was within the last seconds, however old the ledger is,
// and after a pause by little more; a stream without a snapshot, as one that is new, it reads as a whole.
// Records that cannot be read are passed over. The clock says where to look for records first, and a
// wrong one costs nothing but time. The errors are the reader's.
func Load(ctx context.Context, reader Reader, stream string, now time.Time) (*State, error) {
	s := search{reader: reader, stream: stream, now: now}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	if s.found {
		load := loading{start: s.start}
		err := load.from(ctx, reader, stream)
		switch {
		case errors.Is(err, errSilent): // nothing is there
		case err != nil:
			return nil, err
		case load.covered:
			return &load.state, nil
		}
	}
	var load loading // all there is
	if err := reader.ReadStream(ctx, stream, streams.First(), load.take); err != nil {
		return nil, err
	}
	return &load.state, nil
}

// silence is how long to wait for the next record from an offset on that a record names. There is one, or
// the stream was deleted meanwhile and made anew: then the reader would wait until there is.
const silence = 5 * time.Second

var errSilent = errors.New("no record comes")

// loading is one reading of a ledger.
type loading struct {
	state   State
	start   uint64
	parts   map[string]map[int]bool // of snapshots that know what stands before start
	covered bool                    // all parts of one were read
}

// from reads from start on. An error is errSilent where the stream has nothing there.
func (l *loading) from(ctx context.Context, reader Reader, stream string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer timer.Stop()
	err := reader.ReadStream(ctx, stream, streams.At(l.start), func(entry streams.Record) error {
		timer.Reset(silence)
		return l.take(entry)
	})
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

func (l *loading) take(entry streams.Record) error {
	if entry.Offset < l.state.next { // of another stream under the same name
		*l = loading{start: l.start}
	}
	l.state.next = entry.Offset + 1
	r, err := Decode(entry)
	if err != nil || r.Kind != KindSnapshot {
		l.state.weight += len(entry.Body)
	}
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
