package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
)

const (
	killSchedulers = 3
	// restartFor is how long the broker is down when it is restarted.
	restartFor = time.Second
)

// kills has three schedulers emit ticks while whichever leads is killed, or asked to stop, every so
// often, and the broker is restarted once.
func (r ticksRun) kills(ctx context.Context, host brokertest.Vhost) error {
	b := host.Broker
	blows := newBlows(r.options.tickSettings)
	fmt.Fprintf(r.log, "%s: kills: %s, %d times something is done, seed %d\n", b.Source, r.options.duration, len(blows), r.options.seed)
	a := &arena{urls: slices.Repeat([][]string{{host.URL}}, killSchedulers), management: host.Management, entries: killEntries}
	return r.within(ctx, a, func(ctx context.Context) error { return a.strike(ctx, b, blows, r.options.duration) }, func(a *arena) error {
		e := a.evidence()
		v := e.judgeKills()
		if err := r.writeKills(a, b.Source, v); err != nil {
			return err
		}
		return v.err()
	})
}

// strike does what the plan says, each blow when somebody leads, and returns when the duration is over
// and somebody leads again.
func (a *arena) strike(ctx context.Context, b *brokertest.Broker, blows []blow, duration time.Duration) error {
	if _, err := a.awaitLeader(ctx); err != nil {
		return err
	}
	end := time.Now().Add(duration)
	for _, blow := range blows {
		if !pauseFor(ctx, blow.wait) {
			return context.Cause(ctx)
		}
		if err := a.hit(ctx, b, blow.kind); err != nil {
			return err
		}
	}
	if !pauseFor(ctx, max(time.Until(end), minTail)) {
		return context.Cause(ctx)
	}
	_, err := a.awaitLeader(ctx)
	return err
}

// minTail is how long a run goes on after the last blow, at the least.
const minTail = 4 * time.Second

// hit does one thing.
func (a *arena) hit(ctx context.Context, b *brokertest.Broker, kind blowKind) error {
	switch kind {
	case killLeader:
		fmt.Fprintln(a.log, kind)
		return a.endLeader(ctx, syscall.SIGKILL)
	case stopLeader:
		fmt.Fprintln(a.log, kind)
		return a.endLeader(ctx, syscall.SIGTERM)
	default:
		return a.while(kind.String(), func() error { return restartFully(ctx, b, restartFor) })
	}
}

// restartFully stops a broker, lets it be away for some time, and starts it.
func restartFully(ctx context.Context, b *brokertest.Broker, away time.Duration) error {
	if err := b.Stop(ctx); err != nil {
		return err
	}
	if !pauseFor(ctx, away) {
		return context.Cause(ctx)
	}
	return b.Start(ctx)
}

// The longest time that may pass until another leads.
const (
	maxFailover = 3 * time.Second
	maxHandover = time.Second
)

// judgeKills checks a run in which the leader was ended and no tick may be missing.
func (e *tickEvidence) judgeKills() *tickVerdict {
	v := e.judge()
	for _, t := range e.entries {
		v.judgeComplete(e, t)
	}
	for _, g := range v.gaps {
		limit := farLimit
		switch g.end {
		case reignKilled:
			limit = maxFailover
		case reignStopped:
			limit = maxHandover
		}
		switch {
		case g.excused:
		case g.leading < 0:
			v.find("nobody led after %s, until %s", g.process, clockOf(g.from))
		case g.leading > limit:
			v.find("%s %s at %s: another led only %s later, more than %s", g.process, g.end, clockOf(g.from),
				g.leading.Round(time.Millisecond), limit)
		}
	}
	return v
}

// farLimit is no limit.
const farLimit = time.Duration(1<<63 - 1)

// String returns the end as the report names it.
func (r reignEnd) String() string {
	return [...]string{"still leading", "lost by itself", "killed", "asked to stop"}[r]
}

// err is errWrong where something is wrong.
func (v *tickVerdict) err() error {
	if v.holds() {
		return nil
	}
	return errWrong
}

// writeKills reports a run with kills.
func (r ticksRun) writeKills(a *arena, source string, v *tickVerdict) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\nticks, kills: %s; %d schedulers, something done to the leader every %s; over after %s\n",
		source, len(a.urls), r.options.killEvery, a.took.Round(100*time.Millisecond))
	v.writeOutages(&out, a.outages)
	out.WriteString("\n")
	v.writeCounts(&out, a.entries)
	v.writeRepeats(&out)
	out.WriteString("\n")
	v.writeGaps(&out)
	v.writeLateness(&out)
	v.writeVerdict(&out)
	fmt.Fprintf(&out, "the same again: %s\n", r.options.command())
	_, err := io.WriteString(r.out, out.String())
	return err
}
