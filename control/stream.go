package control

import (
	"context"
	"time"

	"github.com/warrenmq/warren/streams"
)

// Stream appends to a stream and reads it; broker.Client is one.
type Stream interface {
	Append(ctx context.Context, stream string, records ...[]byte) error
	ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error
}

// Write appends records. It blocks until they are confirmed. A record that is [ErrInvalidRecord] keeps
// all of them from being appended; the other errors are the stream's.
func Write(ctx context.Context, stream Stream, name string, records ...Record) error {
	lines := make([][]byte, len(records))
	for i := range records {
		var err error
		if lines[i], err = records[i].Encode(); err != nil {
			return err
		}
	}
	return stream.Append(ctx, name, lines...)
}

// Read returns the state up to now, and appends a snapshot where one is due. It blocks. Records that
// cannot be read are passed over. Beside an error, one of reading the stream, the state is that of what
// was read; a snapshot that cannot be appended is left to the next who reads.
func Read(ctx context.Context, stream Stream, name string, now func() time.Time) (*State, error) {
	var state State
	err := stream.ReadStream(ctx, name, streams.First(), func(entry streams.Record) error {
		if r, err := Decode(entry); err == nil {
			state.Apply(r)
		}
		return nil
	})
	if err == nil {
		Compact(ctx, stream, name, &state, now())
	}
	return &state, err
}

// Compact appends a snapshot of a state that is up to now, where one is due. It blocks until it is
// confirmed; where it cannot be appended the next who reads the stream does it.
func Compact(ctx context.Context, stream Stream, name string, state *State, now time.Time) {
	if snapshot, due := state.Snapshot(now); due {
		_ = Write(ctx, stream, name, snapshot) // said above
	}
}
