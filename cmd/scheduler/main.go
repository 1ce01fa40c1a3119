// Command scheduler emits the tasks of the schedules in warren.yaml, until it is told to stop.
//
// SIGINT and SIGTERM stop it cleanly; a second one ends it at once, with exit code 128 and the
// signal's number. Exit codes: 0 stopped, 1 failed, 2 usage or configuration.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // for machines and images without time zones
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		if number, ok := (<-signals).(syscall.Signal); ok {
			os.Exit(128 + int(number))
		}
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv))
}
