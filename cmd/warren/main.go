// Command warren is the operator's tool: it enqueues tasks, shows queues and what they want, reads dead
// letters, and tells when the schedule fires and what it has emitted.
//
// Results go to stdout, errors and logs to stderr. Exit codes: 0 done, 1 failed (a task that no
// queue wants, a finding), 2 usage or configuration. WARREN_URL (else AMQP_URL) names the broker,
// before the one in warren.yaml; WARREN_LOG_LEVEL turns the log on.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // for machines and images without time zones
)

func main() {
	// A reader that has had enough, as in `warren dead ls email | head`, is then the error of a
	// write, and letters that are being looked at go back in order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}
