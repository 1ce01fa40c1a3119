package main

import (
	"time"

	"github.com/warrenmq/warren/alerts"
	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/history"
)

// queueState is what is known of one queue; nil is unknown.
type queueState struct {
	Queue string `json:"queue"`
	Type  string `json:"type,omitempty"`
	// Ready tasks wait; Running ones are with a worker.
	Ready     *int `json:"ready"`
	Running   *int `json:"running"`
	Consumers *int `json:"consumers"`
	Dead      *int `json:"dead"`
	// PublishRate and DoneRate are tasks a second.
	PublishRate *float64 `json:"publish_rate"`
	DoneRate    *float64 `json:"done_rate"`
	// FailureRate is the share of the Ended attempts that failed; of none there is none. WaitMS and RunMS
	// are means. All of them are those of the last WindowS seconds.
	FailureRate *float64 `json:"failure_rate"`
	Ended       *int     `json:"ended"`
	WaitMS      *float64 `json:"wait_ms"`
	RunMS       *float64 `json:"run_ms"`
	WindowS     *float64 `json:"window_s"`
	// Paused queues are not consumed, by the word of PausedBy.
	Paused      *bool  `json:"paused"`
	PausedBy    string `json:"paused_by,omitempty"`
	PausedSince string `json:"paused_since,omitempty"`
	// Alerts are the conditions that hold.
	Alerts []alerts.Condition `json:"alerts"`

	parked bool           // it is not a queue, but that of the tasks that none wanted
	work   *history.Sums  // of the last minutes
	steps  []history.Sums // the same, step by step
}

// newState puts together what is known of a queue.
func newState(name string, depths map[string]broker.Depth, stats map[string]broker.QueueStats) queueState {
	s := queueState{Queue: name, Alerts: []alerts.Condition{}}
	if depth, exists := depths[name]; exists {
		s.Ready, s.Consumers = &depth.Ready, &depth.Consumers
	}
	if q, known := stats[name]; known {
		s.Type, s.Running, s.PublishRate, s.DoneRate = q.Type, &q.Unacked, &q.PublishRate, &q.AckRate
	}
	return s
}

// rateSteps is over how many steps of the window what is done a second is told, where only history tells.
const rateSteps = 6

// worked adds what history tells of the time before now.
func (s *queueState) worked(w *history.Window, over time.Duration, now time.Time) {
	sums := w.Sums(s.Queue, now)
	s.work, s.steps = &sums, w.Steps(s.Queue, now)
	s.Ended, s.WindowS = new(sums.Ended()), new(over.Round(time.Millisecond).Seconds())
	if sums.Ended() > 0 {
		s.FailureRate = new(float64(sums.Failed()) / float64(sums.Ended()))
	}
	if wait, some := sums.MeanWait(); some {
		s.WaitMS = millis(wait)
	}
	if took, some := sums.MeanDuration(); some {
		s.RunMS = millis(took)
	}
	if s.DoneRate == nil && over >= (rateSteps+1)*windowStep {
		done := 0
		for _, step := range s.steps[len(s.steps)-1-rateSteps : len(s.steps)-1] { // the last one has just begun
			done += step.Ended()
		}
		s.DoneRate = new(float64(done) / (rateSteps * windowStep).Seconds())
	}
}

func millis(d time.Duration) *float64 { return new(float64(d.Microseconds()) / 1000) }

// reading is the queue as its conditions are checked.
func (s *queueState) reading() alerts.Queue {
	q := alerts.Queue{Name: s.Queue, Missing: s.Ready == nil, Ready: s.Ready, Consumers: s.Consumers, Dead: s.Dead, Paused: s.Paused}
	if q.Dead == nil {
		q.Dead = new(0) // there is no queue for them yet
	}
	if s.work != nil {
		q.Work = &alerts.Work{Over: time.Duration(*s.WindowS * float64(time.Second)), Ended: s.work.Ended(), Failed: s.work.Failed()}
		if wait, some := s.work.MeanWait(); some {
			q.Work.Wait = &wait
		}
	}
	return q
}

// pause tells of a pause for people; nothing where there is none.
func (s *queueState) pause() string {
	switch {
	case s.Paused == nil || !*s.Paused:
		return ""
	case s.PausedBy == "":
		return "since " + s.PausedSince
	default:
		return "by " + s.PausedBy + " since " + s.PausedSince
	}
}

// severity is the worst of what holds of the queue, empty where nothing does.
func (s *queueState) severity() (worst alerts.Severity) {
	for _, c := range s.Alerts {
		if worst = c.Severity(); worst == alerts.Critical {
			break
		}
	}
	return worst
}
