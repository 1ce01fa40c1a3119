package main

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/warrenmq/warren/internal/promtest"
)

// watchEvery is how often Prometheus is asked which alerts there are.
const watchEvery = 200 * time.Millisecond

// sighting is an alert that was seen to fire.
type sighting struct {
	name   string
	labels map[string]string
	active time.Time // when its condition began to hold, by Prometheus
	fired  time.Time // when it was first seen to fire
	ended  time.Time // when it was no longer seen, the zero time while it fires
}

// lookout notes which alerts fire, and when.
type lookout struct {
	ask func(context.Context) ([]promtest.Alert, error)

	mu   sync.Mutex
	seen []*sighting
	calm time.Time // since when nothing fires or is about to, the zero time where something does
	err  error
}

// run watches until ctx is done.
func (l *lookout) run(ctx context.Context) {
	for pauseFor(ctx, watchEvery) {
		alerts, err := l.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		l.note(alerts, err, time.Now())
	}
}

// note notes what is there at a moment.
func (l *lookout) note(alerts []promtest.Alert, err error, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.err = errors.Join(l.err, err)
		return
	}
	switch {
	case len(alerts) > 0:
		l.calm = time.Time{}
	case l.calm.IsZero():
		l.calm = at
	}
	still := map[*sighting]bool{}
	for _, a := range alerts {
		if a.State != "firing" {
			continue
		}
		s := l.firing(a.Labels)
		if s == nil {
			s = &sighting{name: a.Labels["alertname"], labels: a.Labels, active: a.ActiveAt, fired: at}
			l.seen = append(l.seen, s)
		}
		still[s] = true
	}
	for _, s := range l.seen {
		if s.ended.IsZero() && !still[s] {
			s.ended = at
		}
	}
}

// firing returns the sighting of an alert that fires.
func (l *lookout) firing(labels map[string]string) *sighting {
	for _, s := range l.seen {
		if s.ended.IsZero() && maps.Equal(s.labels, labels) {
			return s
		}
	}
	return nil
}

// told returns all that was seen so far, and what Prometheus has refused to tell.
func (l *lookout) told() ([]sighting, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []sighting
	for _, s := range l.seen {
		all = append(all, *s)
	}
	return all, l.err
}

// calmSince reports whether nothing has fired, or was about to, from a moment on.
func (l *lookout) calmSince(at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.calm.IsZero() && !l.calm.After(at)
}
