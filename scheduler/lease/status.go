package lease

import (
	"context"
	"time"

	"github.com/warrenmq/warren/streams"
)

// Reader reads a stream up to now. broker.Client is one.
type Reader interface {
	ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error
}

// Status is who holds the lease, for people: its times are those of the holder's clock.
type Status struct {
	// Known is false where nothing in the stream proves who holds the lease: it is empty, has just been
	// begun, or its beginning is gone. The other fields are zero then.
	Known bool
	// Term is the newest, and Holder who has it: host, process ID, and something random.
	Term   uint64
	Holder string
	// Since is when it was claimed; zero where that record is gone. Renewed is when the newest record of the
	// holder was written.
	Since, Renewed time.Time
	// Resigned says that the holder has left the term to whoever comes next.
	Resigned bool
}

// Held reports whether anybody holds the lease at a time, as far as the holder's clock and the caller's
// agree: the last renewal is not older than the lease, and what others wait longer.
func (s Status) Held(now time.Time, lease time.Duration) bool {
	t := Config{Lease: lease}.timing()
	return s.Known && s.Term > 0 && !s.Resigned && now.Sub(s.Renewed) < t.lease+t.margin
}

// Read returns the status, from all that the stream holds up to now. It blocks; its errors are the
// reader's. It appends nothing.
func Read(ctx context.Context, reader Reader, stream string) (Status, error) {
	var s state
	var status Status
	begun := false
	err := reader.ReadStream(ctx, stream, streams.First(), func(entry streams.Record) error {
		if !begun {
			begun, s = true, from(entry.Offset)
		}
		r, err := decode(entry)
		if err != nil {
			return nil // it is void
		}
		for _, a := range s.apply(r) {
			if a.Term != status.Term {
				status = Status{Known: true, Term: a.Term, Holder: a.Holder}
			}
			if a.Kind == claim {
				status.Since = a.At
			}
			status.Renewed, status.Resigned = a.At, a.Kind == resignation
		}
		return nil
	})
	return status, err
}
