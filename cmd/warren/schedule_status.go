package main

import (
	"time"

	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/scheduler/lease"
)

const (
	// nextShown is how many of the runs to come are told of an entry.
	nextShown = 5
	// maxMissed is how many missed runs are counted.
	maxMissed = 1000
)

// entryStatus is what is known of an entry of the schedule; nil is unknown, or none. Its times but for
// those of the leader are in the entry's zone.
type entryStatus struct {
	// Entry is the entry's identity, as in the ledger, Name what it is called.
	Entry    string        `json:"entry"`
	Name     string        `json:"name"`
	Cron     string        `json:"cron,omitempty"`
	EveryMS  int64         `json:"every_ms,omitempty"`
	At       string        `json:"at,omitempty"`
	TZ       string        `json:"tz"`
	Key      string        `json:"key"`
	JitterMS int64         `json:"jitter_ms"`
	CatchUp  catchUpStatus `json:"catch_up"`
	Next     []time.Time   `json:"next"`
	// Since is from when on its ticks count; nil where no leader has had the entry with these times, or
	// it has it no longer: then AbsentSince says since when.
	Since       *time.Time `json:"since"`
	AbsentSince *time.Time `json:"absent_since"`
	// SettledTo is up to when each tick was emitted or skipped.
	SettledTo *time.Time `json:"settled_to"`
	// Missed is how many ticks since then are late: at least so many where MissedAtLeast is set. The
	// first of them is that of MissedFrom.
	Missed        *int          `json:"missed"`
	MissedAtLeast bool          `json:"missed_at_least,omitempty"`
	MissedFrom    *time.Time    `json:"missed_from"`
	Last          *lastRun      `json:"last"`
	Leader        *leaderStatus `json:"leader"`
}

// catchUpStatus is a policy with its numbers, where it has any.
type catchUpStatus struct {
	Policy    scheduler.CatchUpPolicy `json:"policy"`
	Max       int                     `json:"max,omitempty"`
	SpacingMS *int64                  `json:"spacing_ms,omitempty"`
}

// lastRun is the newest tick of an entry that was emitted; At is when, ID the task's.
type lastRun struct {
	ScheduledFor time.Time `json:"scheduled_for"`
	ID           string    `json:"id"`
	At           time.Time `json:"at"`
	LateMS       int64     `json:"late_ms"`
}

func (r *lastRun) late() time.Duration { return time.Duration(r.LateMS) * time.Millisecond }

// leaderStatus is who led last, and whether it still does.
type leaderStatus struct {
	Leads    bool       `json:"leads"`
	Term     uint64     `json:"term"`
	Holder   string     `json:"holder"`
	Since    *time.Time `json:"since"`
	Renewed  time.Time  `json:"renewed"`
	Resigned bool       `json:"resigned"`
}

// status puts together what is known of an entry.
func (t *schedulers) status(p *planned) entryStatus {
	s := entryStatus{
		Entry: p.Identity(), Name: p.Name, Cron: p.Cron, EveryMS: p.Every.Milliseconds(), At: p.At, TZ: p.TZ, Key: p.Key,
		JitterMS: p.Jitter.Milliseconds(), CatchUp: catchUpStatus{Policy: p.CatchUp.Policy, Max: p.CatchUp.Max},
		Next: []time.Time{}, Leader: t.leaderStatus(),
	}
	if p.CatchUp.Policy == scheduler.CatchUpAll {
		s.CatchUp.SpacingMS = new(p.CatchUp.Delay(1).Milliseconds())
	}
	for at := p.timetable.Next(t.at); !at.IsZero() && len(s.Next) < nextShown; at = p.timetable.Next(at) {
		s.Next = append(s.Next, at)
	}
	known, _ := t.ledger.Entry(s.Entry)
	if e := &known.Emitted; !e.ScheduledFor.IsZero() {
		late := max(0, e.At.Sub(e.ScheduledFor))
		s.Last = &lastRun{ScheduledFor: e.ScheduledFor.In(p.zone), ID: e.ID, At: e.At.In(p.zone), LateMS: late.Milliseconds()}
	}
	if !known.AbsentSince.IsZero() {
		s.AbsentSince = new(known.AbsentSince.In(p.zone))
		return s
	}
	if known.Timetable != p.timetable.String() {
		return s
	}
	s.Since, s.SettledTo = new(known.Since.In(p.zone)), new(known.Position().In(p.zone))
	missed, dropped := p.timetable.Due(*s.SettledTo, t.known.Add(-scheduler.OnTime-1), maxMissed)
	s.Missed, s.MissedAtLeast = new(len(missed)), !dropped.IsZero()
	switch {
	case s.MissedAtLeast:
		s.MissedFrom = &dropped
	case len(missed) > 0:
		s.MissedFrom = &missed[0]
	}
	return s
}

// leaderStatus returns who led last, nil where nothing tells.
func (t *schedulers) leaderStatus() *leaderStatus {
	l := t.leader
	if !l.Known {
		return nil
	}
	s := &leaderStatus{
		Leads: l.Held(t.at, lease.DefaultLease), Term: l.Term, Holder: l.Holder, Renewed: l.Renewed.UTC(), Resigned: l.Resigned,
	}
	if !l.Since.IsZero() {
		s.Since = new(l.Since.UTC())
	}
	return s
}
