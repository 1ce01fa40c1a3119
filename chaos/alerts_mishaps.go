package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// The queues: each cause has its own, so that an alert tells which it is of.
const (
	steadyQueue = "steady"
	bulkQueue   = "bulk"
	flakyQueue  = "flaky"
	lateQueue   = "late"
	doomedQueue = "doomed"
	lonelyQueue = "lonely"
)

var (
	mainQueues = []string{steadyQueue, bulkQueue, flakyQueue, lateQueue, doomedQueue}
	allQueues  = append(slices.Clone(mainQueues), lonelyQueue)
)

// handlers are the programs of queues whose tasks do not simply succeed.
var handlers = map[string]string{
	flakyQueue:  `test "$WARREN_ATTEMPT" -gt 1`,
	doomedQueue: `echo no such account >&2; exit 65`,
}

// envListen is where a process listens.
const envListen = "CHAOS_LISTEN"

// writeConfig writes the configuration of all processes, with some of the queues.
func (s *site) writeConfig(queues []string) error {
	var text strings.Builder
	fmt.Fprintf(&text, "broker:\n  urls: [%q]\n", s.broker.URL)
	if s.broker.Management != "" {
		fmt.Fprintf(&text, "  management: %q\n", s.broker.Management)
	}
	text.WriteString("queues:\n")
	for _, queue := range queues {
		script := handlers[queue]
		if script == "" {
			script = "exit 0"
		}
		fmt.Fprintf(&text, "  %s: {routes: [\"%s.#\"], handlers: {\"#\": {exec: [/bin/sh, -c, %q]}}, retry: {initial: 300ms}}\n", queue, queue, script)
	}
	fmt.Fprintf(&text, "schedules:\n  heartbeat: {every: 1s, key: %s.tick, catch_up: none}\n", steadyQueue)
	fmt.Fprintf(&text, "metrics: {listen: \"${%s:-127.0.0.1:9464}\"}\nshutdown: {grace: 2s}\n", envListen)
	return os.WriteFile(s.config(), []byte(text.String()), 0o600)
}

const (
	backlogTasks = 1200 // the threshold is 1000
	feedTasks    = 8    // at a time, where a cause has to be fed
	lateBy       = 10 * time.Minute
)

// mishaps are all that is brought about, in this order.
func (s *site) mishaps() []*mishap {
	ofWorker, ofOther, ofScheduler := s.listens[mainWorker], s.listens[otherWorker], s.listens[theOne]
	down := func(instance string) expectation { return ofProcess("WarrenProcessDown", instance) }
	noLeader := expectation{alert: "WarrenNoLeader"}
	// At this pace the time that a worker takes to connect anew is long enough for an alert.
	noConsumer := expectation{alert: "WarrenNoConsumer"}
	nothing := func(context.Context) error { return nil }
	start := func(names ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			for _, name := range names {
				s.start(name)
			}
			return s.awaitReady(ctx)
		}
	}
	stop := func(names ...string) func(context.Context) error {
		return func(ctx context.Context) error { return s.stop(ctx, names...) }
	}
	command := func(args ...string) func(context.Context) error {
		return func(ctx context.Context) error { return s.warren(ctx, args...) }
	}
	flaky := func(ctx context.Context) error {
		return s.enqueue(ctx, feedTasks, tasks.Task{Key: flakyQueue + ".task"})
	}
	late := func(ctx context.Context) error {
		return s.enqueue(ctx, feedTasks, tasks.Task{Key: lateQueue + ".task", EnqueuedAt: time.Now().Add(-lateBy)})
	}
	return []*mishap{
		{
			name: fmt.Sprintf("a paused queue gets %d tasks", backlogTasks), expects: []expectation{ofQueue("WarrenBacklog", bulkQueue)},
			begin: func(ctx context.Context) error {
				if err := s.warren(ctx, "pause", bulkQueue); err != nil {
					return err
				}
				return s.enqueue(ctx, backlogTasks, tasks.Task{Key: bulkQueue + ".task"})
			},
			// Workers know at once that the pause is over, and RabbitMQ's numbers some seconds later that they consume.
			wake: []expectation{ofQueue("WarrenNoConsumer", bulkQueue)},
			end:  command("resume", bulkQueue),
		},
		{
			name: "every task fails once", expects: []expectation{ofQueue("WarrenFailureRate", flakyQueue)},
			begin: flaky, feed: flaky, end: nothing,
		},
		{
			name: "tasks come 10 minutes late", expects: []expectation{ofQueue("WarrenWait", lateQueue)},
			begin: late, feed: late, end: nothing,
		},
		{
			name: "a task fails for good", expects: []expectation{ofQueue("WarrenDead", doomedQueue)},
			begin: func(ctx context.Context) error { return s.enqueue(ctx, 1, tasks.Task{Key: doomedQueue + ".task"}) },
			end:   command("dead", "drop", doomedQueue, "--yes"),
		},
		{
			name: "a task that no queue wants", expects: []expectation{{alert: "WarrenParked"}},
			begin: func(ctx context.Context) error {
				_, err := s.client.Public().Enqueue(ctx, tasks.Task{Key: keyUnrouted})
				return err
			},
			end: command("dead", "drop", "--unrouted", "--yes"),
		},
		{
			name: "a queue's only worker stops", expects: []expectation{ofQueue("WarrenNoConsumer", lonelyQueue), down(ofOther)},
			begin: stop(otherWorker), end: start(otherWorker),
		},
		{
			name: "the only scheduler stops", expects: []expectation{noLeader}, besides: []expectation{down(ofScheduler)},
			begin: stop(theOne), end: start(theOne),
		},
		{
			name: "RabbitMQ is short of memory", expects: []expectation{ofProcess("WarrenBlocked", ofScheduler)},
			besides: []expectation{{alert: "WarrenBlocked"}, noLeader},
			begin:   func(context.Context) error { return s.broker.SetAlarm(true) },
			end:     func(context.Context) error { return s.broker.SetAlarm(false) },
		},
		{
			name: "RabbitMQ is away", long: true,
			expects: []expectation{ofProcess("WarrenDisconnected", ofWorker), ofProcess("WarrenDisconnected", ofOther), ofProcess("WarrenDisconnected", ofScheduler)},
			besides: []expectation{noLeader, noConsumer},
			begin:   s.broker.Stop, end: s.broker.Start,
		},
		{
			name: "all processes stop", long: true,
			expects: []expectation{{alert: "WarrenAbsent"}, down(ofWorker), down(ofOther), down(ofScheduler)},
			besides: []expectation{noLeader, noConsumer},
			begin:   stop(theOne, mainWorker, otherWorker), end: start(theOne, mainWorker, otherWorker),
		},
		{
			name: "a queue leaves the configuration", long: true,
			expects: []expectation{ofQueue("WarrenQueueUnreported", lonelyQueue), down(ofOther)},
			besides: []expectation{noLeader, noConsumer, down(ofScheduler), down(ofWorker)},
			begin:   func(ctx context.Context) error { return s.reconfigure(ctx, mainQueues) },
			end:     func(ctx context.Context) error { return s.reconfigure(ctx, allQueues) },
		},
	}
}

// reconfigure gives all processes a configuration with some of the queues, one after the other. The other
// worker is stopped where its queue is not among them.
func (s *site) reconfigure(ctx context.Context, queues []string) error {
	if err := s.writeConfig(queues); err != nil {
		return err
	}
	for _, name := range []string{theOne, mainWorker, otherWorker} {
		if err := s.stop(ctx, name); err != nil {
			return err
		}
		if name == otherWorker && !slices.Contains(queues, lonelyQueue) {
			continue
		}
		s.start(name)
		if err := s.awaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}
