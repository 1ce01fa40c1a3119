package main

import "github.com/warrenmq/warren/history"

// The names of the entrants.
const (
	loopEach     = "loop, ack each"
	loopMultiple = "loop, one ack a 50"
	loopConfirms = "loop, pipelined confirms"
	loopOneByOne = "loop"

	historyName     = "history"
	historyOff      = "Warren, off"
	historyOutcomes = "Warren, outcomes"
	historyAll      = "Warren, all"

	warren     = "Warren"
	warrenMany = "Warren, EnqueueMany"
	warrenEach = "Warren, Enqueue x 100"
)

// latencyOften is how many times as many rounds latency has: it is a small difference between two that
// the machine moves more than itself.
const latencyOften = 5

// contests are all of them but the memory, which is not compared with anything.
func contests(s settings) []contest {
	t := throughput{tasks: s.Tasks, body: payload(s.PayloadBytes)}
	l := latency{tasks: s.LatencyTasks, rate: s.LatencyRate, body: payload(s.PayloadBytes)}
	d := delays{tasks: s.Delays, rate: s.DelayRate, upTo: s.DelayUpTo, body: payload(s.PayloadBytes)}
	rate := []figure{{Name: "rate", Unit: "tasks/s"}}
	return []contest{
		{
			name:    "drain",
			what:    "tasks that wait in the queue are run by a handler that does nothing; from the first to the last",
			figures: rate,
			entrants: []entrant{
				{name: loopEach, run: t.drainByLoop(false)},
				{name: loopMultiple, run: t.drainByLoop(true)},
				{name: warren, run: t.drainByWarren},
			},
			floors: []floor{{entrant: warren, figure: "rate", bound: 1.4}},
		},
		{
			name:    historyName,
			what:    "the drain by Warren, which keeps no history, and which keeps it; each event must be in the stream in the end",
			figures: rate,
			entrants: []entrant{
				{name: historyOff, run: t.drainTelling(history.Off)},
				{name: historyOutcomes, run: t.drainTelling(history.Outcomes)},
				{name: historyAll, run: t.drainTelling(history.All)},
			},
			floors: []floor{{entrant: historyOutcomes, figure: "rate", bound: 0.95}},
			often:  historyOften,
		},
		{
			name:    "enqueue",
			what:    "tasks are published, each persistent and confirmed; from the first call to the last confirm",
			figures: rate,
			entrants: []entrant{
				{name: loopConfirms, run: t.enqueueByLoop},
				{name: warrenMany, run: t.enqueueByWarren(enqueueMany)},
				{name: warrenEach, run: t.enqueueByWarren(enqueueEach)},
			},
			floors: []floor{{entrant: warrenMany, figure: "rate", bound: 1.0}},
		},
		{
			name:    "both",
			what:    "the same process publishes and runs; from the first call to the last task",
			figures: rate,
			entrants: []entrant{
				{name: loopEach, run: t.bothByLoop(false)},
				{name: loopMultiple, run: t.bothByLoop(true)},
				{name: warrenMany, run: t.bothByWarren},
			},
			floors: []floor{{entrant: warrenMany, figure: "rate", bound: 1.1}},
		},
		{
			name: "latency",
			what: "one task at a time, at a steady rate; from the call that publishes to the start of the handler",
			figures: []figure{
				{Name: "p50", Unit: "ms", LowerIsBetter: true},
				{Name: "p99", Unit: "ms", LowerIsBetter: true},
			},
			entrants: []entrant{{name: loopOneByOne, run: l.ofLoop}, {name: warren, run: l.ofWarren}},
			floors: []floor{
				{entrant: warren, figure: "p50", bound: 1.2},
				{entrant: warren, figure: "p99", bound: 1.3},
			},
			often: latencyOften,
		},
		{
			name: "delays",
			what: "delayed tasks; from the time that was asked for to the start of the handler (below 0 is early)",
			figures: []figure{
				{Name: "min", Unit: "ms", LowerIsBetter: true},
				{Name: "p50", Unit: "ms", LowerIsBetter: true},
				{Name: "p99", Unit: "ms", LowerIsBetter: true},
				{Name: "max", Unit: "ms", LowerIsBetter: true},
			},
			entrants: []entrant{{name: warren, run: d.ofWarren}},
			floors: []floor{
				{entrant: warren, figure: "p50", bound: 1, absolute: true},
				{entrant: warren, figure: "p99", bound: 5, absolute: true},
			},
		},
		{
			name: startName,
			what: "a worker process is started while tasks wait; from the start of the process to that of its first task, and what it has in memory when it has run them",
			figures: []figure{
				{Name: "first task", Unit: "ms", LowerIsBetter: true},
				{Name: "resident", Unit: "MiB", LowerIsBetter: true},
			},
			entrants: []entrant{{name: warren, run: start{body: payload(s.PayloadBytes)}.ofWarren}},
			floors: []floor{
				{entrant: warren, figure: "first task", bound: 150, absolute: true},
				{entrant: warren, figure: "resident", bound: residentAllowed, absolute: true},
			},
			often: startOften,
		},
	}
}
