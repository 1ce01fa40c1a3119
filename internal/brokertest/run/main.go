// Command run runs another command with a RabbitMQ at hand: its tests find the broker in
// WARREN_TEST_URL and its companions.
//
//	go run ./internal/brokertest/run [-each] [-require 3.10,4.3] -- go test ./...
//
// It owns the choice of brokers and the life of the command; how a broker is had belongs to
// package brokertest, and what the command does with it is none of its business.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/warrenmq/warren/internal/brokertest"
)

const usage = `usage: run [-each] [-require VERSION,...] [--] COMMAND ARGS...

Runs COMMAND with WARREN_TEST_URL, WARREN_TEST_MANAGEMENT, WARREN_TEST_SOURCE and
WARREN_TEST_FLAVOUR set. Exits as the first failing command does, and with 1 without a broker.

`

func main() {
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	each := flags.Bool("each", false, "run once on every broker that can be had on this machine, one after the other")
	require := flags.String("require", "", "comma-separated version `prefixes` that must be among the brokers")
	flags.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		flags.PrintDefaults()
	}
	_ = flags.Parse(os.Args[1:]) // ExitOnError
	if flags.NArg() == 0 {
		flags.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	opts := brokertest.Options{Out: os.Stderr, In: os.Stdin, InMemory: true}
	s := suite{
		command:  flags.Args(),
		each:     *each,
		required: prefixes(*require),
		signals:  signals,
		out:      os.Stderr,
		named:    brokertest.Named(),
		find: func(ctx context.Context) (*brokertest.Broker, error) {
			return brokertest.Find(ctx, opts)
		},
		start: func(ctx context.Context, flavour brokertest.Flavour) (*brokertest.Broker, error) {
			return brokertest.Start(ctx, flavour, opts)
		},
	}
	code := s.run(ctx)
	stop()
	os.Exit(code)
}

func prefixes(list string) []string {
	var all []string
	for prefix := range strings.SplitSeq(list, ",") {
		if prefix = strings.TrimSpace(prefix); prefix != "" {
			all = append(all, prefix)
		}
	}
	return all
}
