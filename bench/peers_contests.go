package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// The measurements of growth.
const (
	backlogName = "backlog"
	delayedName = "delayed"
)

// peersContestNames are those of everything that is measured with peers.
func peersContestNames() []string {
	var names []string
	for _, c := range peersContests(peersFull, nil) {
		names = append(names, c.name)
	}
	return append(names, backlogName, delayedName)
}

// ofPeer runs a peer once, on an empty place and by a process of its own.
func ofPeer(p *peer, s peersSettings, do func(ctx context.Context, run *peerProcess) ([]float64, error)) entrant {
	return entrant{name: p.name, optional: p.needs != siteRabbit, run: func(ctx context.Context, _ *arena) (numbers []float64, err error) {
		url, remove, err := p.site.open(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, remove()) }()
		run, err := startPeer(ctx, p, url, p.site.pid(), s.PayloadBytes)
		if err != nil {
			return nil, err
		}
		numbers, err = do(ctx, run)
		return numbers, errors.Join(err, run.close())
	}}
}

// costs are the figures of what a rate took.
var costs = []figure{
	{Name: "CPU, client", Unit: "µs", LowerIsBetter: true},
	{Name: "CPU, server", Unit: "µs", LowerIsBetter: true},
}

var memoryFigures = []figure{
	{Name: "memory, client, peak", Unit: "MiB", LowerIsBetter: true},
	{Name: "memory, client, after", Unit: "MiB", LowerIsBetter: true},
	{Name: "memory, server, peak", Unit: "MiB", LowerIsBetter: true},
}

// peersContests are those that the entrants which are there hold in turn.
func peersContests(s peersSettings, peers []*peer) []contest {
	limit := s.Limit.Milliseconds()
	rate := append([]figure{{Name: "rate", Unit: "tasks/s"}}, costs...)
	all := []contest{
		{
			name:    "enqueue",
			what:    "tasks are published, each persistent and confirmed; from the first call to the last confirm; CPU a task of the client's processes and the server's",
			figures: rate,
		},
		{
			name:    "drain",
			what:    "tasks that wait are run by a handler that does nothing; from the first start to the last; CPU with the start of the worker",
			figures: append(rate[:len(rate):len(rate)], memoryFigures...),
		},
		{
			name:    "both",
			what:    "the same process publishes and runs; from the first call to the last start",
			figures: rate,
		},
		{
			name:    "latency",
			what:    "one task at a time, at a steady rate; from the call that publishes to the start of the handler",
			figures: []figure{{Name: "p50", Unit: "ms", LowerIsBetter: true}, {Name: "p99", Unit: "ms", LowerIsBetter: true}},
		},
		{
			name: "delays",
			what: "delayed tasks; from the time that was asked for to the start of the handler (below 0 is early)",
			figures: []figure{
				{Name: "min", Unit: "ms", LowerIsBetter: true, Alone: true},
				{Name: "p50", Unit: "ms", LowerIsBetter: true, Alone: true},
				{Name: "p99", Unit: "ms", LowerIsBetter: true, Alone: true},
			},
		},
	}
	do := []func(context.Context, *peerProcess) ([]float64, error){
		func(ctx context.Context, run *peerProcess) ([]float64, error) {
			return ratedBy(ctx, run, request{Do: doEnqueue, Count: s.Tasks, LimitMS: limit}, false)
		},
		func(ctx context.Context, run *peerProcess) ([]float64, error) {
			if _, err := run.ask(ctx, request{Do: doEnqueue, Count: s.Tasks, LimitMS: limit}); err != nil {
				return nil, err
			}
			return ratedBy(ctx, run, request{Do: doDrain, Count: s.Tasks, LimitMS: limit}, true)
		},
		func(ctx context.Context, run *peerProcess) ([]float64, error) {
			return ratedBy(ctx, run, request{Do: doBoth, Count: s.Tasks, LimitMS: limit}, false)
		},
		func(ctx context.Context, run *peerProcess) ([]float64, error) {
			return timedBy(ctx, run, request{Do: doLatency, Count: s.LatencyTasks, Rate: s.LatencyRate, LimitMS: limit}, 50, 99)
		},
		func(ctx context.Context, run *peerProcess) ([]float64, error) {
			return timedBy(ctx, run, request{
				Do: doDelays, Count: s.Delays, Rate: s.DelayRate, DelayMS: s.DelayUpTo.Milliseconds(), LimitMS: limit,
			}, 0, 50, 99)
		},
	}
	for i := range all {
		for _, p := range peers {
			if all[i].name != "delays" || p.delays {
				all[i].entrants = append(all[i].entrants, ofPeer(p, s, do[i]))
			}
		}
	}
	return all
}

// ratedBy asks for a rate, and looks at what it takes.
func ratedBy(ctx context.Context, run *peerProcess, r request, withMemory bool) ([]float64, error) {
	var a answer
	used, err := run.watched(func() (err error) {
		a, err = run.ask(ctx, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	numbers := []float64{a.rate(), perTask(used.clientCPU, used.clientIsKnown, a.Count), perTask(used.serverCPU, used.serverKnown, a.Count)}
	if withMemory {
		numbers = append(numbers, used.clientPeak, used.clientAfter, used.serverPeak)
	}
	return numbers, nil
}

// timedBy asks for times, and returns percentiles of them in ms.
func timedBy(ctx context.Context, run *peerProcess, r request, percentiles ...float64) ([]float64, error) {
	a, err := run.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	if len(a.Times) < r.Count {
		return nil, fmt.Errorf("%w: %d of %d tasks were started within %s after the last was published", errGivenUp, len(a.Times), r.Count, r.limit())
	}
	times := make([]time.Duration, len(a.Times))
	for i, ns := range a.Times {
		times[i] = time.Duration(ns)
	}
	numbers := make([]float64, len(percentiles))
	for i, p := range percentiles {
		numbers[i] = math.Round(millis(percentile(times, p))*1000) / 1000
	}
	return numbers, nil
}
