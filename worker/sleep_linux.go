package worker

import (
	"errors"
	"syscall"
	"time"
)

// sleepExactly sleeps in the kernel, which wakes the thread within its timer slack.
func sleepExactly(d time.Duration) {
	rest := syscall.NsecToTimespec(int64(d))
	for errors.Is(syscall.Nanosleep(&rest, &rest), syscall.EINTR) {
	}
}
