package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// awaitFirstTick blocks until a tick has been run, which shows that all is there. A leader that is struck before
// it has emitted any owes none.
func (f *field) awaitFirstTick(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, leaderWithin, fmt.Errorf("no tick was run within %s", leaderWithin))
	defer cancel()
	for {
		if err := f.ledger.read(); err != nil {
			return err
		}
		if len(f.ledger.ticks) > 0 {
			return nil
		}
		if !pauseFor(ctx, lookEvery) {
			return context.Cause(ctx)
		}
	}
}

// awaitTicks blocks until each tick up to now has been run, however it came, or for as long as ticks may take,
// and stops the schedulers. What is missing is left to the checker.
func (f *field) awaitTicks(ctx context.Context) error {
	f.ticks.until = time.Now()
	waiting, cancel := context.WithTimeout(ctx, ticksWithin)
	defer cancel()
	for {
		if err := f.ledger.read(); err != nil {
			return err
		}
		f.gatherTicks()
		if f.ticks.complete() || !pauseFor(waiting, lookEvery) {
			break
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return f.reigning.stop(ctx)
}

// gatherTicks completes what is known of the ticks.
func (f *field) gatherTicks() {
	e := &f.ticks
	e.entries, e.caught = killEntries, f.ledger.ticks
	e.deaths, _, e.badEnds = f.reigning.told()
	e.outages = nil
	events, _ := f.told.told()
	damages := f.striker.told()
	for _, d := range damages {
		switch d.who.role {
		case theBroker, aScheduler:
			e.outages = append(e.outages, d.reach())
		case aWorker: // whose tasks come again, as the ticks' do
		}
	}
	e.events = thawed(events, damages)
}

// complete reports whether no tick is missing of those that were to come until the end.
func (e *tickEvidence) complete() bool {
	reigns := reignsOf(e.events, e.deaths, e.until)
	if len(reigns) == 0 {
		return false
	}
	for _, t := range e.entries {
		if len(gapsIn(t, e.ticksOf(t.name), t.next(reigns[0].from.Add(firstSight)), e.until)) > 0 {
			return false
		}
	}
	return true
}

// thawed returns what schedulers have told with each loss of the lease that a process tells of when it goes
// on, after it was frozen, put where it was: it did nothing from when it was frozen.
func thawed(events []event, damages []damage) []event {
	events = slices.Clone(events)
	for _, d := range damages {
		if d.kind != freezeLeader {
			continue
		}
		for i, e := range events {
			if e.Kind == eventNotLeading && e.process == d.process && d.reach().contains(e.At) {
				events[i].At = d.from
			}
		}
	}
	return events
}

// checkTicks checks what became of the schedulers' ticks: none is missing, none early, each came under one ID,
// twice only where something was done to the schedulers or the broker, and soon after its time.
func checkTicks(e *tickEvidence, all *evidence, limit time.Duration) *tickVerdict {
	v := e.judge()
	for _, t := range e.entries {
		v.judgeComplete(e, t)
	}
	trouble := troubled(all.damages)
	for _, group := range e.byTick() {
		first := slices.MinFunc(group, func(a, b caught) int { return a.received.Compare(b.received) })
		late := first.received.Sub(first.at())
		if by := late - (span{first.at(), first.received}).within(trouble); by > limit {
			v.find("%s for %s came %s late, of which nothing explains %s", first.entry, clockOf(first.at()),
				late.Round(time.Millisecond), by.Round(time.Millisecond))
		}
	}
	return v
}
