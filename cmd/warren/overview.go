package main

import (
	"errors"
	"slices"
	"time"

	"github.com/warrenmq/warren/alerts"
	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/lease"
)

// windowStep is how fine the last minutes of history are told.
const windowStep = 5 * time.Second

// facts are what RabbitMQ and its streams told at a moment.
type facts struct {
	at     time.Time
	depths map[string]broker.Depth
	// stats are empty where the management API is not asked or, which is statsErr, does not answer.
	stats    map[string]broker.QueueStats
	statsErr error
	// control says which queues are paused, where controlErr is nil for certain.
	control    *control.State
	controlErr error
	// window is what became of tasks since a time; windowErr says why that is not known.
	window    *history.Window
	since     time.Time
	windowErr error
	// leader is that of the schedulers, where leaderErr is nil and there is a schedule; ledAt is when that was
	// read, by the leader's clock as far as that is known.
	leader    lease.Status
	ledAt     time.Time
	leaderErr error
}

// led notes who leads, as it was read at a time: a lease is soon over, and other answers may take longer. Where
// it has been renewed since it was read before, somebody leads, whatever the clocks say.
func (f *facts) led(leader lease.Status, err error, at time.Time) {
	if f.leader.Known && leader.Term == f.leader.Term && leader.Renewed.After(f.leader.Renewed) {
		at = leader.Renewed
	}
	f.leader, f.leaderErr, f.ledAt = leader, err, at
}

// overview is what a person is shown, and whether anything is wrong.
type overview struct {
	at time.Time
	// queues are the configured ones in the order of the file, then that of the tasks that none wanted.
	queues []queueState
	// schedule says that there are entries; leader is nil where nobody is known to have led.
	schedule bool
	leader   *leaderStatus
	over     time.Duration // of which history tells; 0 where it does not
	gaps     int           // events that it lacks
	// statsErr and windowErr are why something is not known.
	statsErr, windowErr error
	report              alerts.Report
}

// alerting is what of an overview is an alert.
type alerting struct {
	thresholds alerts.Thresholds
	except     []alerts.Condition
}

// overview puts the facts together.
func (f *facts) overview(cfg *config.Config, names routing.Names, alerting alerting) *overview {
	o := &overview{at: f.at, schedule: len(cfg.Schedules) > 0, statsErr: f.statsErr, windowErr: f.windowErr}
	if f.windowErr == nil {
		o.over, o.gaps = min(alerts.Window, f.at.Sub(f.since)), f.window.Gaps(f.at)
	}
	for i := range cfg.Queues {
		o.queues = append(o.queues, f.queue(&cfg.Queues[i], o.over))
	}
	parked := newState(names.Unrouted(), f.depths, f.stats)
	parked.parked = true
	o.queues = append(o.queues, parked)
	if o.schedule && f.leaderErr == nil {
		o.leader = (&schedulers{leader: f.leader, at: f.ledAt}).leaderStatus()
	}
	o.check(cfg, f, alerting)
	return o
}

func (f *facts) queue(q *config.Queue, over time.Duration) queueState {
	s := newState(q.Name, f.depths, f.stats)
	if s.Type == "" && q.Type != routing.Auto {
		s.Type = string(q.Type)
	}
	if dead, exists := f.depths[routing.DeadQueue(q.Name)]; exists {
		s.Dead = &dead.Ready
	}
	if f.windowErr == nil {
		s.worked(f.window, over, f.at)
	}
	pause, paused := f.control.Paused(q.Name)
	if paused || f.controlErr == nil {
		s.Paused = &paused
	}
	if paused {
		s.PausedBy, s.PausedSince = pause.By, pause.At.UTC().Format(time.RFC3339)
	}
	return s
}

// check notes what is wrong.
func (o *overview) check(cfg *config.Config, f *facts, alerting alerting) {
	reading := alerts.Reading{Entries: len(cfg.Schedules), Parked: new(0)}
	for i := range o.queues {
		if s := &o.queues[i]; !s.parked {
			reading.Queues = append(reading.Queues, s.reading())
		} else if s.Ready != nil {
			reading.Parked = s.Ready
		}
	}
	if f.leaderErr == nil {
		reading.Led = new(f.leader.Held(f.ledAt, lease.DefaultLease))
	}
	o.report = alerts.Check(&reading, alerting.thresholds)
	excepted := func(c alerts.Condition) bool { return slices.Contains(alerting.except, c) }
	o.report.Findings = slices.DeleteFunc(o.report.Findings, func(f alerts.Finding) bool { return excepted(f.Condition) })
	o.report.Unchecked = slices.DeleteFunc(o.report.Unchecked, func(u alerts.Unchecked) bool { return excepted(u.Condition) })
	o.mark()
}

// mark notes at each queue what holds of it.
func (o *overview) mark() {
	for i := range o.queues {
		s := &o.queues[i]
		s.Alerts = []alerts.Condition{}
		for _, f := range o.report.Findings {
			if f.Queue == s.Queue || f.Condition == alerts.Parked && s.parked {
				s.Alerts = append(s.Alerts, f.Condition)
			}
		}
	}
}

// again leaves of what is critical only what held before, too: a worker or a scheduler that is replaced is
// away for a moment.
func (o *overview) again(before *overview) {
	o.report.Findings = slices.DeleteFunc(o.report.Findings, func(f alerts.Finding) bool {
		return f.Severity == alerts.Critical && !slices.ContainsFunc(before.report.Findings, func(b alerts.Finding) bool {
			return b.Condition == f.Condition && b.Queue == f.Queue
		})
	})
	o.mark()
}

func (o *overview) critical() bool {
	return slices.ContainsFunc(o.report.Findings, func(f alerts.Finding) bool { return f.Severity == alerts.Critical })
}

// undeclared reports whether a queue does not exist.
func (o *overview) undeclared() bool {
	return slices.ContainsFunc(o.queues, func(s queueState) bool { return s.Ready == nil })
}

// Why the history tells nothing.
var (
	errHistoryOff = errors.New("history.level is off")
	errNoHistory  = errors.New("there is no history yet: a worker or a scheduler that starts declares it")
)
