package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/logging"
)

const (
	// schedulerAway is how long a scheduler that was ended stays away.
	schedulerAway = time.Second
	// leaderWithin is how long may pass until somebody leads, whatever was done.
	leaderWithin = 90 * time.Second
	// ticksWithin is how long the last ticks may take to come.
	ticksWithin = 45 * time.Second
	// stragglers is how long is waited for ticks that come twice, once all have come.
	stragglers = time.Second
)

// arena is where schedulers run: a broker or the nodes of one, the processes, a consumer of their
// ticks, and what is known of them.
type arena struct {
	// What it is made with.
	urls       [][]string // of the nodes, in each scheduler's order
	management string
	entries    []timetable

	program string
	folder  string
	log     io.Writer

	rig
	catcher   catcher
	chronicle *chronicle
	outages   []span
	until     time.Time
	took      time.Duration
}

// open declares the queue, begins to consume it, and starts the schedulers.
func (a *arena) open(ctx context.Context) (err error) {
	for place, urls := range a.urls {
		if err := writeConfig(a.config(place), urls, a.management, a.entries); err != nil {
			return err
		}
	}
	cfg, err := config.LoadEnv(a.config(0), func(string) (string, bool) { return "", false })
	if err != nil {
		return err
	}
	if a.clientLog, err = os.Create(filepath.Join(a.folder, "consumer.log")); err != nil {
		return err
	}
	if a.client, err = connect(ctx, a.urls[0], a.management, cfg.Spec(), a.clientLog); err != nil {
		return err
	}
	a.consumer, err = a.client.NewConsumer(broker.ConsumerConfig{Queue: ticksQueue, Prefetch: ticksPrefetch, Deliver: a.catcher.deliver})
	if err != nil {
		return err
	}
	a.chronicle = newChronicle()
	a.crew = employ(trade{name: "scheduler", command: a.command, tap: a.chronicle.tap, away: schedulerAway}, len(a.urls), a.folder)
	return nil
}

func (a *arena) config(place int) string {
	return filepath.Join(a.folder, fmt.Sprintf("scheduler-%d.yaml", place+1))
}

// command is a scheduler. The broker is the file's, whatever the environment of this process says, and
// its log tells of each connection.
func (a *arena) command(place int, _ string) *exec.Cmd {
	cmd := exec.Command(a.program, "-c", a.config(place))
	cmd.Env = append(bareEnvironment(), logging.EnvLevel+"=debug")
	return cmd
}

// awaitLeader blocks until a scheduler leads that we have not ended. That none does for long is an
// error.
func (a *arena) awaitLeader(ctx context.Context) (event, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, leaderWithin, fmt.Errorf("no scheduler leads after %s", leaderWithin))
	defer cancel()
	return a.chronicle.awaitLeader(ctx, func(process string) bool {
		deaths, byself, _ := a.crew.told()
		return slices.ContainsFunc(deaths, func(d death) bool { return d.process == process }) ||
			slices.ContainsFunc(byself, func(text string) bool { return strings.HasPrefix(text, process+":") })
	})
}

// endLeader ends the scheduler that leads.
func (a *arena) endLeader(ctx context.Context, by syscall.Signal) error {
	leading, err := a.awaitLeader(ctx)
	if err != nil {
		return err
	}
	if place, here := a.crew.placeOf(leading.process); here {
		a.crew.end(place, by)
	}
	return nil
}

// while has something done that takes the broker, or a part of it, away and brings it back.
func (a *arena) while(what string, do func() error) error {
	fmt.Fprintln(a.log, what)
	from := time.Now()
	if err := do(); err != nil {
		return err
	}
	a.outages = append(a.outages, span{from, time.Now()})
	fmt.Fprintf(a.log, "%s: over after %s\n", what, time.Since(from).Round(100*time.Millisecond))
	return nil
}

// finish lets the run end now: it waits for the ticks up to here, and stops the schedulers. What does
// not come is left to the checker.
func (a *arena) finish(ctx context.Context) error {
	a.until = time.Now()
	waiting, cancel := context.WithTimeout(ctx, ticksWithin)
	defer cancel()
	for !a.complete() && pauseFor(waiting, lookEvery) {
	}
	if ctx.Err() != nil || !pauseFor(ctx, stragglers) {
		return context.Cause(ctx)
	}
	return a.crew.stop(ctx)
}

// complete reports whether every tick up to the end of the run has come that its policy cannot leave
// out.
func (a *arena) complete() bool {
	evidence := a.evidence()
	reigns := reignsOf(evidence.events, nil, a.until)
	if len(reigns) == 0 {
		return false
	}
	began := reigns[0].from.Add(firstSight)
	for _, t := range a.entries {
		last := t.next(a.until.Add(time.Nanosecond)).Add(-t.every)
		if last.Before(began) {
			continue
		}
		if !a.catcher.reached(t.name, last) || t.policy == catchAll && len(gapsIn(t, evidence.ticksOf(t.name), began, last)) > 0 {
			return false
		}
	}
	return true
}

// evidence gathers what is known.
func (a *arena) evidence() *tickEvidence {
	e := &tickEvidence{entries: a.entries, outages: a.outages, until: a.until}
	e.caught, e.odd = a.catcher.told()
	e.events, _ = a.chronicle.told()
	e.deaths, e.byself, e.badEnds = a.crew.told()
	return e
}
