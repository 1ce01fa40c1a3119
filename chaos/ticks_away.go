package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
)

const (
	awaySchedulers = 2
	// warmUp is how long ticks come before the broker goes away.
	warmUp = 5 * time.Second
)

// away has two schedulers emit the ticks of an entry with each policy while the broker is away for long.
func (r ticksRun) away(ctx context.Context, host brokertest.Vhost) error {
	b := host.Broker
	fmt.Fprintf(r.log, "%s: away: %s\n", b.Source, r.options.away)
	a := &arena{urls: slices.Repeat([][]string{{host.URL}}, awaySchedulers), management: host.Management, entries: awayEntries}
	return r.within(ctx, a, func(ctx context.Context) error { return a.outlast(ctx, b, r.options.tickSettings) }, func(a *arena) error {
		e := a.evidence()
		v := e.judge()
		var accounts []awayAccount
		for _, t := range e.entries {
			accounts = append(accounts, v.judgeAway(e, t))
		}
		if err := r.writeAway(a, b.Source, v, accounts); err != nil {
			return err
		}
		return v.err()
	})
}

// outlast stops the broker for a time, and returns when schedulers have led again for the time after
// which a run is settled.
func (a *arena) outlast(ctx context.Context, b *brokertest.Broker, s tickSettings) error {
	if _, err := a.awaitLeader(ctx); err != nil {
		return err
	}
	if !pauseFor(ctx, warmUp) {
		return context.Cause(ctx)
	}
	if err := a.while("broker away", func() error { return restartFully(ctx, b, s.away) }); err != nil {
		return err
	}
	for {
		leading, err := a.awaitLeader(ctx)
		if err != nil {
			return err
		}
		if leading.At.After(a.outages[0].from) {
			break
		}
		if !pauseFor(ctx, lookEvery) { // the old leader has not told yet that it lost the lease
			return context.Cause(ctx)
		}
	}
	if !pauseFor(ctx, s.settle) {
		return context.Cause(ctx)
	}
	return nil
}

// awayAccount is what became of the ticks of one entry around an outage of the broker.
type awayAccount struct {
	timetable
	before   int // came before the outage was noticed
	caughtUp int // came later than what counts as on time
	skipped  int // did not come
	after    int // came on time after the outage
}

var errNoReturn = errors.New("nobody led after the broker's return")

// judgeAway checks what became of the ticks of one entry. What the policy says goes by the moment when
// somebody leads again: ticks that are late by then are missed, and those after it come on time.
func (v *tickVerdict) judgeAway(e *tickEvidence, t timetable) awayAccount {
	account := awayAccount{timetable: t}
	outage, back, err := e.returnOf(v.reigns)
	if err != nil {
		v.find("%s: %v", t.name, err)
		return account
	}
	ticks := e.ticksOf(t.name)
	from := t.next(v.reigns[0].from.Add(firstSight))
	if len(ticks) > 0 && ticks[0].Before(from) {
		from = ticks[0]
	}
	late := e.lateOf(t)
	for _, fire := range ticks {
		switch {
		case fire.After(e.until):
		case late[fire.Unix()] > onTime:
			account.caughtUp++
		case fire.Before(outage.from):
			account.before++
		default:
			account.after++
		}
	}
	missed := span{outage.from.Add(-t.every), back.Add(decided).Add(-onTime)}
	for _, g := range gapsIn(t, ticks, from, e.until) {
		account.skipped += g.number(t)
		if t.policy == catchAll || !missed.contains(g.from) || !missed.contains(g.to) {
			v.counts[t.name].missing += g.number(t)
			v.find("%s: %d ticks are MISSING, from %s to %s", t.name, g.number(t), clockOf(g.from), clockOf(g.to))
		}
	}
	v.judgePolicy(e, t, account, late)
	return account
}

// decided is how long after it has begun to lead a scheduler may look which ticks are late, and publish
// those that are not.
const decided = time.Second

// returnOf returns when the broker was away, and when somebody led again.
func (e *tickEvidence) returnOf(reigns []reign) (outage span, back time.Time, err error) {
	if len(e.outages) == 0 {
		return span{}, time.Time{}, errNoReturn
	}
	for _, r := range reigns {
		if r.from.After(e.outages[0].from) {
			return e.outages[0], r.from, nil
		}
	}
	return span{}, time.Time{}, errNoReturn
}

// lateOf returns how late each tick of an entry was published for the last time.
func (e *tickEvidence) lateOf(t timetable) map[int64]time.Duration {
	late := map[int64]time.Duration{}
	for _, c := range e.caught {
		if c.entry == t.name {
			late[c.fire] = max(late[c.fire], c.enqueued.Sub(c.at()))
		}
	}
	return late
}

// judgePolicy checks how many ticks were caught up, and which.
func (v *tickVerdict) judgePolicy(e *tickEvidence, t timetable, account awayAccount, late map[int64]time.Duration) {
	var oldest time.Duration // how late the latest came
	sure := 0                // that were missed whenever it was decided
	for _, by := range late {
		oldest = max(oldest, by)
		if by > onTime+decided {
			sure++
		}
	}
	switch {
	case t.policy == catchNone && sure > 0:
		v.find("%s: %d ticks came later than %s, by up to %s", t.name, sure, onTime, oldest)
	case t.policy != catchNone && account.caughtUp == 0:
		v.find("%s: no tick was caught up", t.name)
	case t.policy == catchLast && (sure > 1 || oldest > onTime+decided+t.every):
		v.find("%s: %d ticks were caught up, %s late, and not only the newest one", t.name, account.caughtUp, oldest)
	case t.policy == catchAll:
		v.judgeSpacing(e, t, late)
	}
}

// judgeSpacing checks that missed ticks may start one after the other only. The first of them may have
// no time to wait for.
func (v *tickVerdict) judgeSpacing(e *tickEvidence, t timetable, late map[int64]time.Duration) {
	var before time.Time
	atOnce := 0
	for _, group := range e.byTick() {
		c := group[len(group)-1]
		if c.entry != t.name || late[c.fire] <= onTime+decided {
			continue
		}
		switch {
		case c.notBefore.IsZero():
			atOnce++
		case !before.IsZero() && c.notBefore.Sub(before) < catchUpSpacing:
			v.find("%s for %s may start %s after the one before, which should be %s", t.name, clockOf(c.at()),
				c.notBefore.Sub(before), catchUpSpacing)
		}
		before = c.notBefore
	}
	if atOnce > 1 {
		v.find("%s: %d missed ticks may start at once, and should be %s apart", t.name, atOnce, catchUpSpacing)
	}
}

// writeAway reports a run in which the broker was away.
func (r ticksRun) writeAway(a *arena, source string, v *tickVerdict, accounts []awayAccount) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\nticks, broker away: %s; %d schedulers, each entry fires every second; over after %s\n",
		source, len(a.urls), a.took.Round(100*time.Millisecond))
	v.writeOutages(&out, a.outages)
	out.WriteString("\n")
	writeAccounts(&out, accounts)
	out.WriteString("\n")
	v.writeCounts(&out, a.entries)
	v.writeRepeats(&out)
	out.WriteString("\n")
	v.writeGaps(&out)
	v.writeVerdict(&out)
	fmt.Fprintf(&out, "the same again: %s\n", r.options.command())
	_, err := io.WriteString(r.out, out.String())
	return err
}
