package scheduler

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/warrenmq/warren/streams"
)

// memory is streams without a broker: what is appended is there at once, in one order for all.
type memory struct {
	mu      sync.Mutex
	streams map[string]*memoryStream
	broken  error // what every call answers, where it is set
}

type memoryStream struct {
	records []streams.Record
	grown   chan struct{} // closed, and made anew, with every record
}

func newMemory() *memory { return &memory{streams: map[string]*memoryStream{}} }

var errBroken = errors.New("the broker is away")

// breaks has every call fail from now on, or none.
func (m *memory) breaks(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

// stream returns a stream; m.mu is held.
func (m *memory) stream(name string) *memoryStream {
	s := m.streams[name]
	if s == nil {
		s = &memoryStream{grown: make(chan struct{})}
		m.streams[name] = s
	}
	return s
}

func (m *memory) Append(ctx context.Context, stream string, records ...[]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(ctx.Err(), m.broken); err != nil {
		return err
	}
	s := m.stream(stream)
	for _, body := range records {
		s.records = append(s.records, streams.Record{Offset: uint64(len(s.records)), Body: slices.Clone(body)})
	}
	close(s.grown)
	s.grown = make(chan struct{})
	return nil
}

// read returns what there is from an index on, and what is closed when there is more.
func (m *memory) read(stream string, from int) ([]streams.Record, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stream(stream)
	return slices.Clone(s.records[from:]), s.grown, m.broken
}

func (m *memory) ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error {
	records, _, err := m.read(stream, 0)
	if err := errors.Join(ctx.Err(), err); err != nil {
		return err
	}
	for _, r := range records {
		if from.Before(r.Offset) {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Follow(ctx context.Context, stream string, to streams.Follower) error {
	to.Begin(0)
	for read, caughtUp := 0, false; ; {
		records, grown, _ := m.read(stream, read)
		for _, r := range records {
			to.Deliver(r)
		}
		read += len(records)
		if !caughtUp {
			caughtUp = true
			to.CaughtUp()
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
