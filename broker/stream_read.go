package broker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/warrenmq/warren/streams"
)

// quietRead is for how long no record may come for a stream to be taken as read, where nothing better
// can be known.
const quietRead = time.Second

// ReadStream calls each with the records of a stream from an offset up to now, in order, each once, and
// returns after the last: all that had been appended when it was called. It stops at the first error of
// each, and returns it as it is. It blocks, over a connection of its own, through losses of it, until
// ctx is done; the error then also says what stood in the way. So it does for a number that is higher
// than that of the record to come next.
//
// Nothing in AMQP tells where a stream ends, so it appends a marker and reads until that comes. A user
// who may not write to the default exchange gets what there is until no record has come for a second,
// and then [ErrEndUnknown]: it may be everything. The other errors are [ErrNoQueue], and [ErrRefused]
// where the user may not read the stream.
func (c *Client) ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error {
	read := reading{failed: make(chan error, 1), each: each}
	reader, err := c.NewStreamReader(StreamConfig{Stream: stream, From: from, Deliver: read.take, untilNow: true})
	if err != nil {
		return err
	}
	defer reader.Close()
	return read.await(ctx, reader)
}

// WatchStream calls each with the records of a stream from an offset on, in order, each once, and blocks
// until each returns an error, which it returns as it is, or ctx is done, whose error it returns with what
// stands in the way. It appends nothing, so it cannot tell where the stream ended when it was called. It
// goes on through losses of its connection; [ErrNoQueue] and [ErrRefused] it returns.
func (c *Client) WatchStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error {
	read := reading{failed: make(chan error, 1), each: each}
	reader, err := c.NewStreamReader(StreamConfig{Stream: stream, From: from, Deliver: read.take, unmarked: true})
	if err != nil {
		return err
	}
	defer reader.Close()
	return read.await(ctx, reader)
}

// reading is one call of ReadStream or WatchStream.
type reading struct {
	each   func(streams.Record) error
	failed chan error // holds each's error

	stopped bool         // each has failed; the reader's goroutine alone uses it
	begun   atomic.Int64 // calls of each
	ended   atomic.Int64 // calls of each that have returned
}

func (r *reading) take(record streams.Record) {
	if r.stopped {
		return
	}
	r.begun.Add(1)
	if err := r.each(record); err != nil {
		r.stopped = true
		r.failed <- err
	}
	r.ended.Add(1)
}

// await blocks until everything has been read, each has failed, or there is no use in waiting.
func (r *reading) await(ctx context.Context, reader *StreamReader) error {
	fail := func(what, why error) error {
		if why == nil {
			return fmt.Errorf("read %s: %w", reader.cfg.Stream, what)
		}
		return fmt.Errorf("read %s: %w: %w", reader.cfg.Stream, what, why)
	}
	marked := reader.marked
	ticker := time.NewTicker(quietRead)
	defer ticker.Stop()
	var quiet <-chan time.Time // nil unless there will be no marker
	seen := int64(-1)
	for {
		c, changed, err := reader.supervisor.state()
		if c == nil && (errors.Is(err, ErrNoQueue) || errors.Is(err, ErrRefused)) {
			return fail(err, nil)
		}
		select {
		case err := <-r.failed:
			return err
		case <-reader.caughtUp:
			select {
			case err := <-r.failed:
				return err
			default:
				return nil
			}
		case <-changed:
		case <-marked:
			marked = nil
			if reader.unmarkable != nil {
				quiet = ticker.C
			}
		case <-quiet:
			begun := r.begun.Load()
			if begun == seen && begun == r.ended.Load() {
				return fail(ErrEndUnknown, reader.unmarkable)
			}
			seen = begun
		case <-ctx.Done():
			return fail(ctx.Err(), reader.Ready())
		}
	}
}
