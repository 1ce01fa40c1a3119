// Command worker runs the tasks of the queues in warren.yaml by the programs and web services that
// it names, until it is told to stop.
//
// SIGINT and SIGTERM stop it cleanly: it takes no more, finishes what runs within the grace period,
// and gives back the rest. A second one kills the programs that run and ends the worker at once, with
// exit code 128 and the signal's number.
// Exit codes: 0 stopped, 1 failed, 2 usage or configuration.
package main

import "github.com/warrenmq/warren/internal/daemon"

func main() {
	newDaemon().Main()
}

func newDaemon() daemon.Daemon {
	c := &command{}
	return daemon.Daemon{
		Name:    "worker",
		Purpose: "runs the tasks of the queues in warren.yaml",
		Flags:   c.flags,
		Check:   c.check,
		Serve:   c.serve,
		Abort:   c.abort,
	}
}
