// Command bench measures Warren beside the loop that a programmer would write by hand with
// amqp091-go: the same messages, the same queue, the same durability, the same machine, in turns.
//
// It owns the contests, the loop, and the report. Of Warren it knows what any program does that
// imports it. It is a module of its own, so that what it is compared with never becomes a
// dependency of Warren's.
//
//	go run . [flags]
//	go run . peers [flags]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"

	"github.com/warrenmq/warren/internal/brokertest"
)

// The exit statuses.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// errFloor is a figure that is worse than its floor, where floors are checked.
var errFloor = errors.New("a floor is missed")

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := command(ctx, os.Args[1:])
	cancel()
	os.Exit(code)
}

// command runs the bench, or a process that it measures, and returns the exit status.
func command(ctx context.Context, args []string) int {
	run, err := choose(ctx, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage // it was told
	}
	err = run()
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		return exitInterrupted
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		return exitFailed
	}
}

// choose returns what the arguments ask for.
func choose(ctx context.Context, args []string) (func() error, error) {
	switch {
	case len(args) == 1 && args[0] == memoryWorkerCommand:
		return func() error { return memoryWorker(ctx, os.Getenv(envURL), os.Stdin, os.Stdout) }, nil
	case len(args) == 2 && args[0] == peerCommand:
		return func() error { return servePeer(ctx, args[1], os.Stdin, os.Stdout) }, nil
	case len(args) > 0 && args[0] == peersCommand:
		o, err := parsePeers(args[1:], os.Stderr)
		return func() error { return peers(ctx, &o, os.Stdout, os.Stderr) }, err
	default:
		o, err := parse(args, os.Stderr)
		return func() error { return bench(ctx, o, os.Stdout, os.Stderr) }, err
	}
}

// bench measures on a broker that it finds or starts, and writes the report to out. Progress goes
// to log.
func bench(ctx context.Context, o options, out, log io.Writer) (err error) {
	b, err := openBroker(ctx, o.broker, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	r, err := profiled(o.profile, func() (*report, error) { return measure(ctx, o, b, log) })
	if err != nil {
		return err
	}
	if o.json {
		err = r.writeJSON(out)
	} else {
		err = r.writeText(out)
	}
	if err == nil && o.check && !r.holds() {
		err = errFloor
	}
	return err
}

// profiled measures under a CPU profile, where one was asked for.
func profiled(path string, measure func() (*report, error)) (r *report, err error) {
	if path == "" {
		return measure()
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	defer pprof.StopCPUProfile()
	return measure()
}

// openBroker finds a broker, or starts one of the flavour that was asked for.
func openBroker(ctx context.Context, flavour string, log io.Writer) (*brokertest.Broker, error) {
	opts := brokertest.Options{Out: log, In: os.Stdin}
	if flavour == anyBroker {
		return brokertest.Find(ctx, opts)
	}
	return brokertest.Start(ctx, brokertest.Flavour(flavour), opts)
}

// measure holds the contests that were asked for, one after the other.
func measure(ctx context.Context, o options, b *brokertest.Broker, log io.Writer) (*report, error) {
	r := &report{About: describe(b), Settings: o.settings}
	for _, c := range contests(o.settings) {
		if !o.wants(c.name) {
			continue
		}
		result, err := holdIn(ctx, b, &c, o.settings, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		r.Contests = append(r.Contests, result)
	}
	if o.wants(memoryName) {
		m, err := measureMemory(ctx, b, o.settings, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", memoryName, err)
		}
		r.Memory = m
	}
	return r, nil
}

// holdIn holds a contest in an arena of its own.
func holdIn(ctx context.Context, b *brokertest.Broker, c *contest, s settings, log io.Writer) (_ *result, err error) {
	a, err := openArena(ctx, b)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	return c.hold(ctx, a, s.Rounds, log)
}
