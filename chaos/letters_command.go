package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// commandWithin is how long a command may take.
	commandWithin = 10 * time.Minute
	// sampleEvery is how often a command's memory is looked at, and whether it is to be killed.
	sampleEvery = 10 * time.Millisecond
)

// ending is how a command has ended.
type ending struct {
	stdout, stderr string
	code           int // -1: by a signal
	killed         bool
	took           time.Duration
	peak           int64 // bytes that were resident at most, as far as was seen
}

// err is an error where a command has not ended as it should.
func (e *ending) err(args []string) error {
	if e.code == 0 || e.killed {
		return nil
	}
	return fmt.Errorf("warren %s: exit status %d: %s", strings.Join(args, " "), e.code, strings.TrimSpace(e.stderr))
}

// runCommand runs a program to its end, or until it is to be killed, kill -9. kill may be nil.
func runCommand(ctx context.Context, program string, args []string, kill func() (bool, error)) (*ending, error) {
	ctx, cancel := context.WithTimeout(ctx, commandWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = bareEnvironment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the keyboard is ours
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // its state tells
	}()
	e := &ending{}
	failed := e.follow(cmd, ended, kill)
	<-ended
	e.took, e.stdout, e.stderr, e.code = time.Since(began), stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	e.killed = e.killed && e.code < 0 // it may have been over
	if failed == nil && ctx.Err() != nil {
		failed = context.Cause(ctx)
	}
	return e, failed
}

// follow looks at a command until it has ended or was killed.
func (e *ending) follow(cmd *exec.Cmd, ended <-chan struct{}, kill func() (bool, error)) error {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return nil
		case <-ticker.C:
		}
		e.peak = max(e.peak, peakMemory(cmd.Process.Pid))
		if kill == nil {
			continue
		}
		if now, err := kill(); now || err != nil {
			e.killed = cmd.Process.Kill() == nil
			return err
		}
	}
}

// peakMemory is what a process has had resident at most, in bytes, 0 where nothing tells. (What wait4
// tells of an ended process counts the memory of its parent, too, from before it ran another program.)
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kibibytes, _ := strconv.ParseInt(fields[1], 10, 64)
			return kibibytes << 10
		}
	}
	return 0
}
