// Command chaos runs tasks on a real RabbitMQ with real worker processes, breaks both while they
// are at it, and tells what became of every task.
//
// It owns the plan of tasks and faults (a pure function of its seed), the processes, the ledger to
// which handlers write what they do, and the checker that compares the two; and the count of what
// tasks have done in a PostgreSQL; and what is known of schedulers and of the ticks that they emit, and of
// dead letters and of what the command line does with them; and a cluster, what was done to its nodes and what stood
// still then; and which alerts a Prometheus fires, and why; and what grows over hours. Of Warren it knows what any
// program does that
// imports it.
//
//	go run . fault [flags]
//	go run . effects [flags]
//	go run . ticks [flags]
//	go run . cluster [flags]
//	go run . letters [flags]
//	go run . alerts [flags]
//	go run . soak [flags]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: chaos COMMAND [flags]

  fault    publish tasks while workers, schedulers, connections and the broker are struck, and check each of them
           and each tick
  effects  publish tasks while connections to RabbitMQ and PostgreSQL are cut and workers are killed, and count
           their effects in PostgreSQL
  ticks    have schedulers emit ticks while the leader is killed and the broker is away, and check each tick
  cluster  have tasks and ticks go through three nodes that are killed, cut off and restarted, and check each of them
  letters  have tasks fail, replay their dead letters while the command is killed, and check each of them
  alerts   have one thing after the other go wrong under a Prometheus with the shipped rules, and check each alert
  soak     publish tasks for an hour, and judge whether memory, goroutines or files of any process grow
  worker, effects-worker, letters-worker, load-worker, soak-worker, soak-publisher   be one of the processes

"chaos fault -h", and so on, tells the flags. Exit status: 0 nothing is wrong, 1 something is, 2 usage, 130 interrupted.
`

// The commands that make a process one of a crew.
const (
	roleWorker  = "worker"
	roleEffects = "effects-worker"
	roleLetters = "letters-worker"
	roleLoad    = "load-worker"

	roleSoakWorker    = "soak-worker"
	roleSoakPublisher = "soak-publisher"
)

// The exit statuses.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	os.Exit(code)
}

// command runs one command and returns the exit status.
func command(ctx context.Context, args []string, out, log io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(log, usage)
		return exitUsage
	}
	var err error
	switch args[0] {
	case "fault":
		var o options
		switch o, err = parse(args[1:], log); {
		case errors.Is(err, flag.ErrHelp):
			return 0
		case err != nil:
			return exitUsage // it was told
		}
		err = fault(ctx, o, out, log)
	case "effects":
		var o effectsOptions
		switch o, err = parseEffects(args[1:], log); {
		case errors.Is(err, flag.ErrHelp):
			return 0
		case err != nil:
			return exitUsage
		}
		err = effects(ctx, o, out, log)
	case "ticks":
		var o tickOptions
		switch o, err = parseTicks(args[1:], log); {
		case errors.Is(err, flag.ErrHelp):
			return 0
		case err != nil:
			return exitUsage
		}
		err = ticks(ctx, o, out, log)
	case "cluster":
		var o clusterOptions
		switch o, err = parseCluster(args[1:], log); {
		case errors.Is(err, flag.ErrHelp):
			return 0
		case err != nil:
			return exitUsage
		}
		err = onClusters(ctx, o, out, log)
	case "letters":
		var o letterOptions
		switch o, err = parseLetters(args[1:], log); {
		case errors.Is(err, flag.ErrHelp):
			return 0
		case err != nil:
			return exitUsage
		}
		err = letters(ctx, o, out, log)
	case "alerts":
		var o alertOptions
		switch o, err = parseAlerts(args[1:], log); {
		case errors.Is(err, flag.ErrHelp):
			return 0
		case err != nil:
			return exitUsage
		}
		err = alerts(ctx, o, out, log)
	case "soak":
		var o soakOptions
		switch o, err = parseSoak(args[1:], log); {
		case errors.Is(err, flag.ErrHelp):
			return 0
		case err != nil:
			return exitUsage
		}
		err = soak(ctx, o, out, log)
	case roleSoakWorker, roleSoakPublisher:
		if err = employSoak(ctx, args[0], args[1:], os.Stderr); ctx.Err() != nil && err == nil {
			return 0
		}
	case roleLoad:
		if err = serveLoad(ctx, stationFrom(os.Getenv), os.Stderr); ctx.Err() != nil && err == nil {
			return 0
		}
	case roleLetters:
		if err = serveLetters(ctx, stationFrom(os.Getenv), os.Stderr); ctx.Err() != nil && err == nil {
			return 0
		}
	case roleEffects:
		if err = serveEffects(ctx, stationFrom(os.Getenv), os.Stderr); ctx.Err() != nil && err == nil {
			return 0
		}
	case roleWorker:
		if err = serve(ctx, stationFrom(os.Getenv), os.Stderr); ctx.Err() != nil && err == nil {
			return 0 // told to stop, and stopped
		}
	default:
		fmt.Fprint(log, usage)
		return exitUsage
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(log, "chaos: interrupted:", err)
		return exitInterrupted
	default:
		fmt.Fprintln(log, "chaos:", err)
		return exitFailed
	}
}
