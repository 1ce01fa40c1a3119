package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warrenmq/warren/streams"
)

// ErrTooMuch is that more events come than can be read in the time there is.
var ErrTooMuch = errors.New("more history comes than can be read")

// Limits bound each of the three attempts at most of [Window.Read].
type Limits struct {
	Time  time.Duration
	Bytes int
}

// attempts is how often a window is tried to be read, each time a shorter one.
const attempts = 3

// errEnough ends an attempt.
var errEnough = errors.New("enough")

// Read fills the window with what the history tells of its time before now, and returns from when on it
// has everything. That is the window's beginning, or later where more would have to be read than the limits
// allow: then what has been read is forgotten, and what fits is reckoned from how far that went.
//
// The errors are [ErrTooMuch], the reader's and those of ctx. With one of the reader's, what it has given stays
// in the window, and since is as if that were all.
func (w *Window) Read(ctx context.Context, from StreamReader, stream string, limits Limits) (since time.Time, err error) {
	began := time.Now()
	span := time.Duration(w.steps)*w.step + skew
	for range attempts {
		w.Reset()
		start := began.Add(-span)
		whole, err := w.attempt(ctx, from, stream, start, limits)
		if err != nil || whole || !w.newest.Before(began) {
			return start.Add(min(skew, span/6)), err
		}
		covered := w.newest.Sub(start)
		if covered <= 0 || covered >= span { // clocks differ
			covered = span / 8
		}
		span = covered * 2 / 3
	}
	w.Reset()
	return time.Time{}, ErrTooMuch
}

// attempt reads from a time on. whole is false where the limits have ended it.
func (w *Window) attempt(ctx context.Context, from StreamReader, stream string, start time.Time, limits Limits) (whole bool, err error) {
	within, cancel := context.WithTimeout(ctx, limits.Time)
	defer cancel()
	read, some := 0, false
	err = from.ReadStream(within, stream, streams.Since(start), func(r streams.Record) error {
		w.Take(r, time.Now())
		some = true
		if read += len(r.Body); read > limits.Bytes {
			return errEnough
		}
		return nil
	})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, errEnough), some && within.Err() != nil && ctx.Err() == nil:
		return false, nil
	default:
		return false, fmt.Errorf("read the history of the last minutes: %w", err)
	}
}
