package main

import (
	"fmt"
	"time"
)

// account is what became of a soak's errands and ticks.
type account struct {
	Published int           `json:"published"`
	Results   int           `json:"results"`
	Done      int           `json:"done"` // errands
	Runs      int           `json:"runs"` // of errands that succeeded; more than Done: some twice
	Dead      int           `json:"dead"` // letters
	Left      int           `json:"left"` // in the work queue and the ladder
	Lost      int           `json:"lost"`
	Emitted   int           `json:"emitted"` // ticks, as the scheduler told at its last sample
	Ticks     int           `json:"ticks"`   // that ran
	Took      time.Duration `json:"took_ns"`
	Asked     time.Duration `json:"asked_ns"`
}

// soakVerdict is what is to be said of a soak.
type soakVerdict struct {
	Broker   string    `json:"broker"`
	Rate     int       `json:"rate"`
	Account  account   `json:"account"`
	Series   []*series `json:"series"`
	Trends   []trend   `json:"trends"` // of Series
	Findings []string  `json:"findings"`
}

// judged reports whether a series has to be flat: RabbitMQ's own memory is told alone.
func (s *series) judged() bool { return s.Of != brokerName || s.Measure.Name != brokerMemory }

// lateShare is how much longer than asked the publishing may take for its rate to have been kept.
const lateShare = 0.02

// judgeSoak finds what is wrong.
func judgeSoak(b string, rate int, a account, all []*series, failures []string) *soakVerdict {
	v := &soakVerdict{Broker: b, Rate: rate, Account: a, Series: all, Findings: failures}
	find := func(format string, args ...any) { v.Findings = append(v.Findings, fmt.Sprintf(format, args...)) }
	for _, s := range all {
		t := s.trend()
		v.Trends = append(v.Trends, t)
		switch {
		case len(s.Points) < fewestSamples:
			find("%s, %s: %d samples, a verdict needs %d", s.Of, s.Measure.Name, len(s.Points), fewestSamples)
		case s.judged() && !t.Flat:
			find("%s, %s: not flat: %.1f in the second quarter, %.1f in the last, at most %.1f", s.Of, s.Measure.Name, t.Second, t.Last, t.Allowed)
		}
	}
	if a.Lost > 0 {
		find("%d errands are lost", a.Lost)
	}
	if a.Dead > 0 {
		find("%d errands are dead, and none should be", a.Dead)
	}
	if a.Left > 0 {
		find("%d messages are left in the queues", a.Left)
	}
	if a.Runs > a.Done {
		find("%d errands were done again, though nobody was killed", a.Runs-a.Done)
	}
	if a.Ticks < a.Emitted {
		find("%d ticks were emitted and %d ran", a.Emitted, a.Ticks)
	}
	if late := a.Took - a.Asked; late > max(time.Duration(lateShare*float64(a.Asked)), time.Second) {
		find("the rate was not kept: publishing took %s longer than asked", late.Round(time.Second))
	}
	return v
}
