package history

import (
	"cmp"
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

// shortSpan is how far back the second attempt reads.
const shortSpan = 12 * time.Second

// errEnough ends an attempt.
var errEnough = errors.New("enough")

// Read fills the window with what the history tells of its time before now, instead of what it held, and
// returns from when on it has everything. That is the window's beginning, or later where more would have to be
// read than the limits allow: then it reads the last seconds alone and, by what that took, as much as fits.
//
// The errors are [ErrTooMuch], where not even the last seconds fit, the reader's and those of ctx. With one of
// the reader's, what it has given is in the window, and since is as if that were all.
func (w *Window) Read(ctx context.Context, from StreamReader, stream string, limits Limits) (since time.Time, err error) {
	whole := time.Duration(w.steps)*w.step + skew
	first, err := w.attempt(ctx, from, stream, whole, limits)
	if err != nil || first.complete {
		*w = first.window
		return first.since, err
	}
	short, err := w.attempt(ctx, from, stream, min(shortSpan, whole/2), limits)
	*w = short.window
	if err != nil || !short.complete {
		w.Reset()
		return time.Time{}, cmp.Or(err, ErrTooMuch)
	}
	if span := min(short.fits(limits), whole/2); span > short.span {
		if longer, err := w.attempt(ctx, from, stream, span, limits); err == nil && longer.complete {
			*w = longer.window
			return longer.since, nil
		}
	}
	return short.since, nil
}

// attempt is one reading of the last part of a stream.
type attempt struct {
	window   Window
	span     time.Duration // how far back it began
	since    time.Time     // from when on everything is there, where it is complete
	complete bool          // the limits have not ended it
	took     time.Duration
	bytes    int
}

// fits reckons how far back could be read within the limits, with a reserve.
func (a *attempt) fits(limits Limits) time.Duration {
	share := min(float64(limits.Time)/float64(a.took+1), float64(limits.Bytes)/float64(a.bytes+1), 1000)
	return time.Duration(float64(a.span) * share * 0.6)
}

func (w *Window) attempt(ctx context.Context, from StreamReader, stream string, span time.Duration, limits Limits) (attempt, error) {
	within, cancel := context.WithTimeout(ctx, limits.Time)
	defer cancel()
	began := time.Now()
	start := began.Add(-span)
	a := attempt{window: w.empty(), span: span, since: start.Add(min(skew, span/6))}
	some := false
	err := from.ReadStream(within, stream, streams.Since(start), func(r streams.Record) error {
		a.window.Take(r, time.Now())
		some = true
		if a.bytes += len(r.Body); a.bytes > limits.Bytes {
			return errEnough
		}
		return nil
	})
	a.took = time.Since(began)
	switch {
	case err == nil:
		a.complete = true
		return a, nil
	case errors.Is(err, errEnough), some && within.Err() != nil && ctx.Err() == nil:
		a.complete = !a.window.newest.Before(began) // nothing tells where the stream ends, and it was read to here
		return a, nil
	default:
		return a, fmt.Errorf("read the history of the last minutes: %w", err)
	}
}
