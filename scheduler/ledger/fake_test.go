package ledger

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/streams"
)

const stream = "warren.schedule"

var start = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// fakeStream is a stream in memory. What is in it has been appended at its clock's time.
type fakeStream struct {
	clock clockwork.Clock

	mu      sync.Mutex
	records []streams.Record
	first   uint64 // what is older was trimmed
	read    int    // how many records were given to readers
	reads   int    // how many readers there were

	// answer, where it is set, is asked about every record before it is appended: appended says whether
	// it is, err is what Append answers.
	answer func(body []byte) (appended bool, err error)
	// refuse is what readers get.
	refuse error
}

func newStream() (*fakeStream, *clockwork.FakeClock) {
	clock := clockwork.NewFakeClockAt(start)
	return &fakeStream{clock: clock}, clock
}

func (f *fakeStream) Append(_ context.Context, _ string, records ...[]byte) error {
	var failed error
	for _, body := range records {
		appended, err := true, error(nil)
		if f.answer != nil {
			appended, err = f.answer(body)
		}
		if appended {
			f.append(body)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func (f *fakeStream) append(body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records = append(f.records, streams.Record{
		Offset: f.first + uint64(len(f.records)), Time: f.clock.Now().Truncate(time.Second), Body: slices.Clone(body),
	})
}

func (f *fakeStream) ReadStream(ctx context.Context, _ string, from streams.Offset, each func(streams.Record) error) error {
	if f.refuse != nil {
		return f.refuse
	}
	f.mu.Lock()
	records := slices.Clone(f.records)
	f.reads++
	f.mu.Unlock()
	if end := f.first + uint64(len(records)); from.Before(end) { // the offset is beyond it
		<-ctx.Done()
		return ctx.Err()
	}
	for _, r := range records {
		if since, timed := from.Value().(time.Time); from.Before(r.Offset) || timed && r.Time.Before(since) {
			continue
		}
		f.mu.Lock()
		f.read++
		f.mu.Unlock()
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// all is the state of the whole stream, and decoded its records.
func (f *fakeStream) all() *State {
	var s State
	for _, r := range f.decoded() {
		s.Apply(r)
	}
	return &s
}

func (f *fakeStream) decoded() []Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Record
	for _, entry := range f.records {
		if r, err := Decode(entry); err == nil {
			all = append(all, r)
		}
	}
	return all
}
