package brokertest

import (
	"os"
	"strconv"
	"strings"
)

// processStart returns when a process was started, in a form without spaces that differs between
// processes that had the same pid. It is false where the process has ended, reaped or not.
func processStart(pid int) (start string, alive bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", false
	}
	// The command's name, in parentheses, may hold anything; the state is the first field behind
	// it and the start time the twentieth (proc(5)).
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return "", false
	}
	return fields[19], true
}
