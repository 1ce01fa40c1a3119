//go:build !linux

package worker

import "time"

// sleepExactly sleeps as exactly as the runtime can.
func sleepExactly(d time.Duration) { time.Sleep(d) }
