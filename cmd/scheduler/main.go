// Command scheduler emits the tasks of the schedules in warren.yaml, until it is told to stop. Any number
// of them run, and one emits.
//
// It reads the schedules anew when the file changes, and on SIGHUP.
//
// SIGINT and SIGTERM stop it cleanly; a second one ends it at once, with exit code 128 and the
// signal's number. Exit codes: 0 stopped, 1 failed, 2 usage or configuration.
package main

import (
	"time"

	"github.com/warrenmq/warren/internal/daemon"
)

func main() {
	newDaemon().Main()
}

func newDaemon() daemon.Daemon {
	return daemon.Daemon{
		Name:        "scheduler",
		Purpose:     "emits the tasks of the schedules in warren.yaml",
		BackoffMax:  time.Second, // after an outage ticks are waiting, and schedulers are few
		HeedsHangup: true,        // by reloading
		Check:       check,
		Serve:       serve,
	}
}
