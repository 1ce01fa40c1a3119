package ledger

import (
	"context"
	"time"

	"github.com/warrenmq/warren/streams"
)

// Filter chooses records: those that all of its fields that are set choose.
type Filter struct {
	// Since and Until bound when it happened: since <= at < until.
	Since, Until time.Time
	// Entry is the identity or the name of an entry.
	Entry string
	// Kinds are the kinds to choose. Defaults to ticks, and those that were skipped.
	Kinds []Kind
}

// skew is how far the clocks of a scheduler and of RabbitMQ may be apart for a record to be found by its
// time.
const skew = time.Minute

func (f *Filter) from() streams.Offset {
	if f.Since.IsZero() {
		return streams.First()
	}
	return streams.Since(f.Since.Add(-skew))
}

func (f *Filter) chooses(r *Record) bool {
	switch {
	case !f.Since.IsZero() && r.At.Before(f.Since), !f.Until.IsZero() && !r.At.Before(f.Until):
		return false
	case f.Entry != "" && r.Entry != f.Entry && r.Name != f.Entry:
		return false
	}
	if len(f.Kinds) == 0 {
		return r.Kind == KindTick || r.Kind == KindSkipped
	}
	for _, k := range f.Kinds {
		if r.Kind == k {
			return true
		}
	}
	return false
}

// Read reads a ledger to where it ends now, in the order in which it was appended, and gives the records
// that a filter chooses to each, whose error ends it. A tick that was emitted twice, or appended twice,
// is given twice. Records that cannot be read are passed over; it returns how many. It blocks. The errors
// are the reader's and those of each.
func Read(ctx context.Context, reader Reader, stream string, f Filter, each func(Record) error) (unreadable int, err error) {
	err = reader.ReadStream(ctx, stream, f.from(), func(entry streams.Record) error {
		r, err := Decode(entry)
		switch {
		case err != nil:
			unreadable++
			return nil
		case !f.chooses(&r):
			return nil
		}
		return each(r)
	})
	return unreadable, err
}
