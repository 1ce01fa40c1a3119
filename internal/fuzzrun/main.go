// Command fuzzrun runs fuzz targets one after the other, each for a while, and prints a line for each.
//
//	go run ./internal/fuzzrun [-time 30s] [PACKAGES | TARGET]...
//
// It owns what go test cannot do by itself: finding the targets of many packages, and telling a target that failed from
// one whose time ended in golang/go#75804. What a target fuzzes is none of its business.
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
	"time"
)

const usage = `usage: fuzzrun [-time D] [PACKAGES | TARGET]...

Runs each fuzz target of the packages (./... by default, as in go test) for D, or those of that name.
Exit status: 0 none failed, 1 one did, 2 usage, 130 interrupted.

`

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

// command does what the command line asks for and returns the exit status.
func command(ctx context.Context, args []string, out, log io.Writer) int {
	flags := flag.NewFlagSet("fuzzrun", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.Usage = func() {
		fmt.Fprint(log, usage)
		flags.PrintDefaults()
	}
	each := flags.Duration("time", 30*time.Second, "`time` for each target")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	case *each <= 0:
		fmt.Fprintf(log, "fuzzrun: -time: %s is not above 0\n", *each)
		return exitUsage
	}
	all, err := find(ctx, selectionOf(flags.Args()))
	switch {
	case errors.Is(err, errNoTarget):
		fmt.Fprintln(log, "fuzzrun:", err)
		return exitUsage
	case err == nil:
		err = fuzz(ctx, all, *each, out)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(log, "fuzzrun: interrupted")
		return exitInterrupted
	default:
		fmt.Fprintln(log, "fuzzrun:", err)
		return exitFailed
	}
}

// errFailed is that of targets some of which failed.
var errFailed = errors.New("failed")

// fuzz runs the targets, also those behind one that fails. Each gets its line as soon as it has ended.
func fuzz(ctx context.Context, all []target, each time.Duration, out io.Writer) error {
	width := 0
	for _, t := range all {
		width = max(width, len(t.String()))
	}
	failed := 0
	for _, t := range all {
		r, err := t.run(ctx, each)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-*s  %s\n", width, t, r.line())
		if r.verdict == broken {
			failed++
			fmt.Fprintf(out, "%s\n", r.output)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d targets %w", failed, len(all), errFailed)
	}
	return nil
}
