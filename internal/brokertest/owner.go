package brokertest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// detachedOwner is written where an owner stands when a broker is given up.
const detachedOwner = "detached"

// owner is a process, most often the one that a broker belongs to: its host, its pid, and when it
// was started, since pids come round.
type owner struct {
	host  string
	pid   int
	start string
}

// ourselves is this process as an owner.
func ourselves() (owner, error) { return identify(os.Getpid()) }

// identify describes a process of this host that has not been reaped.
func identify(pid int) (owner, error) {
	host, err := os.Hostname()
	if err != nil {
		return owner{}, err
	}
	start, ok := processStart(pid)
	if !ok {
		return owner{}, fmt.Errorf("cannot tell when process %d was started", pid)
	}
	return owner{host: host, pid: pid, start: start}, nil
}

// String is the form that parseOwner reads.
func (o owner) String() string { return o.host + " " + strconv.Itoa(o.pid) + " " + o.start }

func parseOwner(text string) (owner, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return owner{}, fmt.Errorf("%q names no owner", text)
	}
	pid, err := strconv.Atoi(fields[1])
	if err != nil {
		return owner{}, fmt.Errorf("%q names no owner", text)
	}
	return owner{host: fields[0], pid: pid, start: fields[2]}, nil
}

// gone says whether the owner is known to have ended. Of another host's processes nothing is known.
func (o owner) gone() bool {
	host, err := os.Hostname()
	if err != nil || host != o.host {
		return false
	}
	start, alive := processStart(o.pid)
	return !alive || start != o.start
}
