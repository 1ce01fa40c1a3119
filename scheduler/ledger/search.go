package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/warrenmq/warren/streams"
)

// windows are how far back to look for a record that says where to begin to read.
var windows = []time.Duration{10 * time.Second, 10 * time.Minute, 10 * time.Hour, 20 * 24 * time.Hour, 400 * 24 * time.Hour}

const (
	// maxLooks is how often to look at most: each look costs a connection.
	maxLooks = 7
	// maxLooked is how many records one look reads, where that has one that says where to begin.
	maxLooked = 1000
)

// errEnough ends a look.
var errEnough = errors.New("enough")

// search finds where to begin to read, as a record says that is one of the newest: from there on
// everything will be read.
//
// A stream can be entered at a second and is read forwards only. So this looks in windows that grow until
// one has such a record. Where much has been appended it has been so within the smallest one, and the first
// record there will do. Else the newest one is wanted: there may have been a pause, and much before it. A
// window that has too much to see its end is halved as long as looks are left; what is read after that is
// then more than it had to be.
type search struct {
	reader Reader
	stream string
	now    time.Time

	looks int
	start uint64
	found bool
}

func (s *search) run(ctx context.Context) error {
	var low, high time.Duration // no record is younger than low, one is younger than high
	ended := false
	for _, high = range windows {
		hit, all, err := s.look(ctx, high)
		if err != nil {
			return err
		}
		if hit {
			ended = all || high == windows[0]
			break
		}
		low = high
	}
	for s.found && !ended && s.looks < maxLooks && high-low > time.Second {
		middle := low + (high-low)/2
		hit, all, err := s.look(ctx, middle)
		switch {
		case err != nil:
			return err
		case hit:
			high, ended = middle, all
		default:
			low = middle
		}
	}
	return nil
}

// look reports whether there is a record that is younger and says where to begin, and whether all up to
// the stream's end has been read.
func (s *search) look(ctx context.Context, age time.Duration) (hit, all bool, err error) {
	s.looks++
	read := 0
	err = s.reader.ReadStream(ctx, s.stream, streams.Since(s.now.Add(-age)), func(entry streams.Record) error {
		read++
		if r, err := Decode(entry); err == nil {
			if named, ok := r.start(); ok {
				s.start, s.found, hit = named, true, true
			}
		}
		if hit && (age == windows[0] || read >= maxLooked) {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return hit, false, nil
	}
	return hit, err == nil, err
}
