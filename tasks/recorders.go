package tasks

import (
	"context"
	"errors"
)

// Recorders returns a recorder that gives each event to all of those that are not nil, in their order:
// nil where there is none. Its Store is that of each in turn, and returns their errors: a recorder that
// keeps nothing adds nothing to it.
func Recorders(all ...Recorder) Recorder {
	var given recorders
	for _, r := range all {
		if r != nil {
			given = append(given, r)
		}
	}
	switch len(given) {
	case 0:
		return nil
	case 1:
		return given[0]
	default:
		return given
	}
}

type recorders []Recorder

func (all recorders) Record(e Event) {
	for _, r := range all {
		r.Record(e)
	}
}

func (all recorders) Store(ctx context.Context, e Event) error {
	var failed error
	for _, r := range all {
		failed = errors.Join(failed, r.Store(ctx, e))
	}
	return failed
}
