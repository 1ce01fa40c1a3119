package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/term"
)

// interruptGrace is how long a signalled command may take before it is killed.
const interruptGrace = 60 * time.Second

// execute runs a command and returns its exit code, 128 + n where signal n ended it. Signals are
// passed on to it and its children; on a terminal the interrupt key has reached them already.
func execute(ctx context.Context, command, env []string, signals <-chan os.Signal) (int, error) {
	onTerminal := term.IsTerminal(int(os.Stdin.Fd()))
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	if !onTerminal {
		// A group of its own is signalled as a whole; on a terminal it could not read from there.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	if ctx.Err() != nil {
		return 1, context.Cause(ctx)
	}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	send := func(sig syscall.Signal) {
		if onTerminal {
			_ = cmd.Process.Signal(sig)
			return
		}
		_ = syscall.Kill(-cmd.Process.Pid, sig)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var grace <-chan time.Time
	for {
		select {
		case err := <-ended:
			return exitCode(err)
		case sig := <-signals:
			if sig != syscall.SIGINT || !onTerminal {
				send(sig.(syscall.Signal))
			}
			if grace == nil {
				grace = time.After(interruptGrace)
			}
		case <-grace:
			send(syscall.SIGKILL)
		}
	}
}

func exitCode(err error) (int, error) {
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 1, fmt.Errorf("wait for the command: %w", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
