package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// DefaultGrace is how long a program has between being asked to end and being killed.
const DefaultGrace = 5 * time.Second

// The exit statuses of sysexits.h that say what a retry would be good for. The third of them,
// EX_TEMPFAIL (75), asks for a retry, which is what any other status gets as well.
const (
	exitDataErr = 65 // EX_DATAERR: the payload is at fault
	exitConfig  = 78 // EX_CONFIG: the installation is
)

// stderrBytes bounds how much of stderr an error tells. With what stands before it, it has to fit
// into the header of a dead letter, which would cut its end: the very part that matters.
const stderrBytes = tasks.MaxErrorBytes - 256

// groupPoll is how often the rest of a program's group is looked for: its end cannot be waited for.
const groupPoll = 20 * time.Millisecond

// ExecConfig says which program runs tasks, and how.
type ExecConfig struct {
	// Argv is the program and its arguments, at least the program. One without a slash is looked up
	// in PATH at each task; a relative path counts from the worker's directory. There is no shell.
	Argv []string
	// Grace is how long the program's process group has between SIGTERM and SIGKILL, at least 0.
	// It also bounds the wait for a child that holds stderr open after the program has ended.
	// Defaults to DefaultGrace.
	Grace time.Duration
	// After returns a channel that receives once a time has passed. Defaults to time.After.
	After func(time.Duration) <-chan time.Time
}

// Exec is a [tasks.Handler] that runs a program for each task. It is safe for use by any number of
// goroutines. Make one with [NewExec].
//
// The program gets the payload on stdin, which it need not read, and the worker's environment with
// one variable for each thing that the task carries: WARREN_TASK_ID, WARREN_ROUTING_KEY,
// WARREN_QUEUE, WARREN_ATTEMPT (from 1), WARREN_CONTENT_TYPE, WARREN_CONTENT_ENCODING, those of the
// wire's other headers (WARREN_MAX_ATTEMPTS, WARREN_TIMEOUT_MS, WARREN_ENQUEUED_AT,
// WARREN_NOT_BEFORE and WARREN_EXPIRES_AT in unix ms, WARREN_SCHEDULE, WARREN_SCHEDULED_FOR in
// RFC 3339, WARREN_SETTLEMENT, WARREN_REDELIVERIES, WARREN_ENQUEUED_BY, WARREN_ERRORS as a JSON
// array of strings), TRACEPARENT and TRACESTATE. What the task does not carry is not set, whatever
// the worker's environment holds. NUL bytes, impossible there, become U+FFFD. Its stdout is
// discarded.
type Exec struct{ config ExecConfig }

// NewExec returns a handler that runs a program. A configuration that cannot work returns an error
// that is [ErrInvalidHandler]; whether the program exists is found out at each task, since it may
// be installed later.
func NewExec(c ExecConfig) (*Exec, error) {
	switch {
	case len(c.Argv) == 0 || c.Argv[0] == "":
		return nil, fmt.Errorf("%w: exec: no program is named", ErrInvalidHandler)
	case c.Grace < 0:
		return nil, fmt.Errorf("%w: exec: grace: %s is below 0", ErrInvalidHandler, c.Grace)
	}
	for i, arg := range c.Argv {
		if strings.ContainsRune(arg, 0) {
			return nil, fmt.Errorf("%w: exec: word %d holds a NUL byte", ErrInvalidHandler, i+1)
		}
	}
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}
	if c.After == nil {
		c.After = time.After
	}
	c.Argv = slices.Clone(c.Argv)
	return &Exec{c}, nil
}

// HandleTask runs the program and blocks until it is gone. Its exit status is the outcome:
//
//   - 0: nil;
//   - 65 (EX_DATAERR) and 78 (EX_CONFIG): [tasks.Permanent];
//   - any other, of which 75 (EX_TEMPFAIL) is the one meant for it, or a signal: an error to be
//     retried.
//
// The error is an [*exec.ExitError] whose text is followed by the end of stderr: its last lines, at
// most 1792 bytes of valid UTF-8. A program that cannot be started is an error to be retried: it
// may be about to be installed.
//
// When ctx ends, the program and all that it started in its process group get SIGTERM and, where
// something of them is left after the grace, SIGKILL. The outcome is then an error that is the
// cause of ctx, whatever the exit status: many programs answer SIGTERM with 0, having done nothing.
// Where the system has no process groups, the program alone is killed, at once.
func (e *Exec) HandleTask(ctx context.Context, t *tasks.Task) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	stderr := &tail{limit: stderrBytes}
	cmd := exec.Command(e.config.Argv[0], e.config.Argv[1:]...)
	cmd.Env = environment(os.Environ(), t)
	cmd.Stdin = bytes.NewReader(t.Payload)
	cmd.Stderr = stderr
	cmd.WaitDelay = e.config.Grace
	group, err := startGroup(cmd)
	if err != nil {
		return fmt.Errorf("cannot start the program: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case err := <-exited:
		return exitOutcome(cmd, err, stderr)
	case <-ctx.Done():
		err := e.stop(group, exited)
		return stopOutcome(context.Cause(ctx), exitOutcome(cmd, err, stderr))
	}
}

// stop ends a process group and returns what cmd.Wait says of its leader. It blocks until the
// leader is gone, and gives the rest of the group its grace as well: a shell dies of SIGTERM at
// once, while the program that it runs is still putting its things in order.
func (e *Exec) stop(group processGroup, exited <-chan error) error {
	over := e.config.After(e.config.Grace)
	group.terminate()
	select {
	case err := <-exited:
		for group.alive() {
			select {
			case <-e.config.After(groupPoll):
			case <-over:
				group.kill()
				return err
			}
		}
		return err
	case <-over:
		group.kill()
		return <-exited
	}
}

// exitOutcome turns the end of a program into the outcome of its task.
func exitOutcome(cmd *exec.Cmd, err error, stderr fmt.Stringer) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		if cmd.ProcessState == nil {
			return fmt.Errorf("wait for the program: %w", err)
		}
		return nil // what is left is about stdin that was not read, or a child that holds stderr
	}
	err = exit
	if text := stderr.String(); text != "" {
		err = fmt.Errorf("%w: %s", exit, text)
	}
	if code := exit.ExitCode(); code == exitDataErr || code == exitConfig {
		return tasks.Permanent(err)
	}
	return err
}

// stopOutcome is the outcome of a task whose program was stopped. How the program ended is told in
// the text alone, so that it does not count as an outcome.
func stopOutcome(cause, outcome error) error {
	if outcome == nil {
		return fmt.Errorf("%w: the program was stopped", cause)
	}
	return fmt.Errorf("%w: the program was stopped: %s", cause, outcome.Error())
}
