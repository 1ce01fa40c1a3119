package main

import (
	"slices"
	"strings"
	"time"
)

// damage is a fault as it has struck.
type damage struct {
	kind    faultKind
	who     actor
	process string // the one process that it struck, empty where it struck whatever there was
	span
}

// noticing is how long after a fault has ended somebody may not have noticed yet that a connection is gone.
const noticing = 2 * time.Second

// loses reports whether connections are lost by it, so that what was not acknowledged or confirmed is given
// out, or published, again.
func (d damage) loses() bool {
	switch d.kind {
	case cutLink, deafenLink, muteLink, blockLink, stopBroker, crashBroker, killWorker, killSlowly, slayLeader:
		return true
	case pauseWorker, freezeWorker, freezeLeader:
		return d.to.Sub(d.from) >= heartbeat
	}
	return false
}

// struck reports whether it has struck a process, alone or with others.
func (d damage) struck(process string) bool {
	switch {
	case d.process != "":
		return d.process == process
	case d.who.role == theBroker:
		return true
	}
	return d.who.String() == actorOf(process)
}

// reach is the time in which it can be what interrupted something.
func (d damage) reach() span { return span{d.from, d.to.Add(noticing)} }

// actorOf is whose process it is.
func actorOf(process string) string {
	if at := strings.LastIndexByte(process, '.'); at >= 0 {
		return process[:at]
	}
	return process
}

// recovery is how long after a fault all may not be as before: the broker has to elect leaders of queues,
// clients to reconnect, processes to start.
func (d damage) recovery() time.Duration {
	if d.kind == stopBroker || d.kind == crashBroker {
		return 15 * time.Second
	}
	return 3 * time.Second
}

// troubled returns the times in which something was broken or recovered, in their order and apart from each
// other.
func troubled(damages []damage) []span {
	var all []span
	for _, d := range damages {
		all = append(all, span{d.from, d.to.Add(d.recovery())})
	}
	return merged(all)
}

// merged returns spans in their order, those that meet as one.
func merged(all []span) []span {
	all = slices.SortedFunc(slices.Values(all), func(a, b span) int { return a.from.Compare(b.from) })
	var apart []span
	for _, s := range all {
		if n := len(apart); n > 0 && apart[n-1].meets(s) {
			apart[n-1].to = later(apart[n-1].to, s.to)
			continue
		}
		apart = append(apart, s)
	}
	return apart
}

// within returns how much of a span lies in spans that are in their order and apart from each other.
func (s span) within(all []span) time.Duration {
	first, _ := slices.BinarySearchFunc(all, s.from, func(one span, from time.Time) int { return one.to.Compare(from) })
	var sum time.Duration
	for _, one := range all[first:] {
		if one.from.After(s.to) {
			break
		}
		from, to := later(one.from, s.from), one.to
		if to.After(s.to) {
			to = s.to
		}
		sum += to.Sub(from)
	}
	return sum
}
