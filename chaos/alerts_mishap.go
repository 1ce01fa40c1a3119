package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// expectation is an alert, by its name and by some of its labels.
type expectation struct {
	alert  string
	labels map[string]string
}

// meets reports whether a sighting is what was expected.
func (e expectation) meets(s sighting) bool {
	for name, value := range e.labels {
		if s.labels[name] != value {
			return false
		}
	}
	return s.name == e.alert
}

// String writes an expectation as a cell of the table.
func (e expectation) String() string {
	return strings.Join(append([]string{e.alert}, slices.Sorted(maps.Values(e.labels))...), " ")
}

// ofQueue expects an alert on a queue, ofProcess on a process by where it listens.
func ofQueue(alert, queue string) expectation {
	return expectation{alert, map[string]string{"queue": queue}}
}
func ofProcess(alert, instance string) expectation {
	return expectation{alert, map[string]string{"instance": instance}}
}

// mishap is something wrong that is brought about.
type mishap struct {
	name    string
	expects []expectation // all of these fire, and end
	besides []expectation // these may
	wake    []expectation // these may when the cause has ended
	long    bool          // left out of a short run
	begin   func(context.Context) error
	feed    func(context.Context) error // called again and again until all fire; nil: nothing has to be
	end     func(context.Context) error
}

// explains reports whether an alert is a consequence of a cause.
func (e episode) explains(s sighting) bool {
	meets := func(x expectation) bool { return x.meets(s) }
	m := e.cause
	return e.contains(s.fired) && (slices.ContainsFunc(m.expects, meets) || slices.ContainsFunc(m.besides, meets) ||
		s.fired.After(e.ended) && slices.ContainsFunc(m.wake, meets))
}

// episode is what came of a cause.
type episode struct {
	cause *mishap
	began time.Time // the cause
	ended time.Time // the cause
	over  time.Time // all that it had brought about
}

const (
	// alertWithin is how long an alert may take to fire, and to end, beyond what its rule says.
	alertWithin = 60 * time.Second
	// longestRule is the longest time that a rule takes, with what it looks back on: as shipped.
	longestRule = 10*time.Minute + 5*time.Minute
	feedEvery   = 500 * time.Millisecond
	// quiet is how long nothing happens between two causes, as shipped: longer than it takes to be seen.
	quiet = 90 * time.Second
)

// calm reports whether nothing has fired, or was about to, for a time that began at a moment or later.
func (s *site) calm(from time.Time) bool {
	begin := time.Now().Add(-quiet / time.Duration(s.options.pace))
	return begin.After(from) && s.lookout.calmSince(begin)
}

// bring brings a cause about, waits until all that is expected of it fires, ends it, and waits until nothing has
// fired for a time, or was about to. What does not happen in time is left to the check.
func (s *site) bring(ctx context.Context, m *mishap) (episode, error) {
	within := alertWithin + longestRule/time.Duration(s.options.pace)
	e := episode{cause: m, began: time.Now()}
	if err := m.begin(ctx); err != nil {
		return e, err
	}
	err := s.until(ctx, within, m.feed, func(seen []sighting) bool {
		for _, x := range m.expects {
			if !slices.ContainsFunc(seen, func(s sighting) bool { return x.meets(s) && s.fired.After(e.began) }) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return e, err
	}
	e.ended = time.Now()
	if err := m.end(ctx); err != nil {
		return e, err
	}
	over := time.Now()
	err = s.until(ctx, within, nil, func([]sighting) bool { return s.calm(over) })
	e.over = time.Now()
	return e, err
}

// until blocks until what is seen is enough, or for so long. It feeds the cause meanwhile.
func (s *site) until(ctx context.Context, within time.Duration, feed func(context.Context) error, enough func([]sighting) bool) error {
	for limit := time.Now().Add(within); time.Now().Before(limit); {
		if seen, err := s.lookout.told(); err != nil || enough(seen) {
			return err
		}
		if feed != nil {
			if err := feed(ctx); err != nil {
				return err
			}
		}
		if !pauseFor(ctx, feedEvery) {
			return context.Cause(ctx)
		}
	}
	return nil
}
