package lease

import (
	"context"
	"errors"
	"time"

	"github.com/warrenmq/warren/streams"
)

// Watcher gives the records of a stream until each returns an error or ctx is done, and appends nothing.
// broker.Client is one.
type Watcher interface {
	WatchStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error
}

const (
	// statusTimeout is how long a stream may take to begin to be read, and to be read; quiet is how long
	// no record may come for it to have been read.
	statusTimeout = 3 * time.Second
	quiet         = time.Second
)

var errRead = errors.New("read")

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

// Read returns the status, from all that the stream holds. It appends nothing: whoever looks at it often
// must not fill it. So it has read up to now when a record comes that was written since it was called, by
// its writer's clock, or none for a second, and blocks for 6 s at most. Its errors are the watcher's.
func Read(ctx context.Context, watcher Watcher, stream string) (Status, error) {
	began := time.Now()
	watching, enough := context.WithCancelCause(ctx)
	defer enough(nil)
	end := func() { enough(errRead) }
	silence := time.AfterFunc(statusTimeout, end)
	defer silence.Stop()
	var last *time.Timer
	defer func() {
		if last != nil {
			last.Stop()
		}
	}()

	var s state
	var status Status
	err := watcher.WatchStream(watching, stream, streams.First(), func(entry streams.Record) error {
		if last == nil {
			s, last = from(entry.Offset), time.AfterFunc(statusTimeout, end)
		}
		silence.Reset(quiet)
		r, err := decode(entry)
		if err != nil {
			return nil // it is void
		}
		for _, a := range s.apply(r) {
			status.add(a)
		}
		if r.At.After(began) {
			return errRead
		}
		return nil
	})
	if errors.Is(err, errRead) || ctx.Err() == nil && errors.Is(context.Cause(watching), errRead) {
		err = nil
	}
	return status, err
}

// add takes in an accepted record.
func (s *Status) add(r record) {
	if r.Term != s.Term {
		*s = Status{Known: true, Term: r.Term, Holder: r.Holder}
	}
	if r.Kind == claim {
		s.Since = r.At
	}
	s.Renewed, s.Resigned = r.At, r.Kind == resignation
}
