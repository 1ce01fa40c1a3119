package main

import (
	"fmt"
	"slices"
	"time"
)

// alertRow is what came of one alert that a cause was to bring about.
type alertRow struct {
	cause    string
	expected expectation
	began    time.Time // the cause
	fired    time.Time // the zero time: never
	ended    time.Time // the cause
	resolved time.Time // the zero time: never
}

// alertVerdict is what the check finds.
type alertVerdict struct {
	rows     []alertRow
	besides  []sighting // what a cause explains beside what is expected of it
	findings []string
}

func (v *alertVerdict) find(format string, args ...any) {
	v.findings = append(v.findings, fmt.Sprintf(format, args...))
}

// checkAlerts compares what was brought about with what was seen to fire: each cause has its alerts, each alert has
// a cause, and ends with it.
func checkAlerts(episodes []episode, seen []sighting) *alertVerdict {
	v := &alertVerdict{}
	for _, e := range episodes {
		for _, expected := range e.cause.expects {
			v.rows = append(v.rows, v.row(e, expected, seen))
		}
	}
	for _, s := range seen {
		at := slices.IndexFunc(episodes, func(e episode) bool { return e.explains(s) })
		switch {
		case at < 0:
			v.find("%s fired at %s WITHOUT a cause: %v", s.name, clockOf(s.fired), s.labels)
		case s.ended.IsZero():
			v.find("%s of %q, %v, has NOT ENDED", s.name, episodes[at].cause.name, s.labels)
		case !slices.ContainsFunc(episodes[at].cause.expects, func(x expectation) bool { return x.meets(s) }):
			v.besides = append(v.besides, s)
		}
	}
	return v
}

// row finds what came of an alert that was expected.
func (v *alertVerdict) row(e episode, expected expectation, seen []sighting) alertRow {
	r := alertRow{cause: e.cause.name, expected: expected, began: e.began, ended: e.ended}
	times := 0
	for _, s := range seen {
		if !expected.meets(s) || !e.contains(s.fired) {
			continue
		}
		if times++; times == 1 {
			r.fired = s.fired
		}
		r.resolved = s.ended
	}
	switch {
	case times == 0:
		v.find("%s: %s did NOT FIRE", e.cause.name, expected)
	case times > 1:
		v.find("%s: %s fired %d times", e.cause.name, expected, times)
	case !r.resolved.IsZero() && r.resolved.Before(e.ended):
		v.find("%s: %s ended BEFORE its cause", e.cause.name, expected)
	}
	return r
}

// contains reports whether something happened while a cause and what it brought about lasted.
func (e episode) contains(at time.Time) bool { return span{e.began, e.over}.contains(at) }

func (v *alertVerdict) holds() bool { return len(v.findings) == 0 }
