//go:build !linux

package brokertest

import (
	"os/exec"
	"strconv"
	"strings"
)

// processStart returns when a process was started, in a form without spaces that differs between
// processes that had the same pid. It is false where the process has ended, reaped or not.
func processStart(pid int) (start string, alive bool) {
	out, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return "", false
	}
	fields := strings.Fields(string(out))
	if len(fields) < 2 || strings.HasPrefix(fields[0], "Z") {
		return "", false
	}
	return strings.Join(fields[1:], "_"), true
}
