package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// maxLogLine bounds a line of the scheduler's log, in bytes.
const maxLogLine = 1 << 20

// tick is a task that the scheduler says it has emitted.
type tick struct {
	Message      string    `json:"msg"`
	Entry        string    `json:"entry"`
	ID           string    `json:"id"`
	ScheduledFor time.Time `json:"scheduled_for"`
}

// emittedTicks reads the ticks from the scheduler's log, JSON lines of which the others are no
// concern here. A line that is still being written counts as not there.
func emittedTicks(log io.Reader) ([]tick, error) {
	var all []tick
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		var t tick
		if json.Unmarshal(lines.Bytes(), &t) == nil && t.Message == "tick emitted" && t.ID != "" {
			all = append(all, t)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the scheduler's log: %w", err)
	}
	return all, nil
}
