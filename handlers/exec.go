package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// DefaultGrace is how long a program has between being asked to end and being killed.
const DefaultGrace = 5 * time.Second

// stderrWait is how long the rest of stderr is waited for when the program has failed: a child may
// still be passing on what it said, and one that has nothing to do with it may hold stderr open.
const stderrWait = time.Second

// stdoutWait and progressWait are how long the rest of stdout, where it is the result, and of
// descriptor 3 is waited for when the program has succeeded and left something behind that holds them
// open. The latter every child does that does not close it, so the wait is only for our own reading.
const (
	stdoutWait   = time.Second
	progressWait = 100 * time.Millisecond
)

// groupPoll is how often the rest of a program's group is looked for: its end cannot be waited for.
const groupPoll = 20 * time.Millisecond

// ErrKilled is what [Exec.HandleTask] returns for a task that comes after [Exec.Kill].
var ErrKilled = errors.New("the handler was killed")

// ExecConfig says which program runs tasks, and how.
type ExecConfig struct {
	// Argv is the program and its arguments, at least the program. One without a slash is looked up
	// in PATH at each task; a relative path counts from the worker's directory. There is no shell.
	Argv []string
	// Grace is how long the program's process group has between SIGTERM and SIGKILL, at least 0.
	// Defaults to DefaultGrace.
	Grace time.Duration
	// After returns a channel that receives once a time has passed. Defaults to time.After.
	After func(time.Duration) <-chan time.Time
	// Log is told once a task of progress that cannot be read. Defaults to slog.Default().
	Log *slog.Logger
}

// Exec is a [tasks.Handler] that runs a program for each task. It is safe for use by any number of
// goroutines. Make one with [NewExec].
//
// The program runs in the worker's directory and gets the payload on stdin, which it need not read.
// Where somebody waits for the task (it has a ReplyTo), the program's stdout is its result: at most
// MaxResultBytes, as application/json where it is valid JSON, as text/plain where it is UTF-8, else as
// application/octet-stream. Otherwise stdout is discarded.
//
// On descriptor 3 it may tell its progress, a JSON object a line, at most 4 KiB: percent, a number,
// and note, a text that may be absent; they go to [tasks.Progress]. Lines that are anything else are
// ignored. There is no descriptor 3 on Windows.
//
// Its environment is the worker's, without WARREN_*, AMQP_URL, TRACEPARENT
// and TRACESTATE, which may hold the broker's password or be of another task, without what systemd tells
// the worker alone (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID), and with one variable
// for each thing that the task carries: WARREN_TASK_ID, WARREN_ROUTING_KEY, WARREN_QUEUE,
// WARREN_ATTEMPT (from 1), WARREN_CONTENT_TYPE, WARREN_CONTENT_ENCODING, those of the wire's other
// headers (WARREN_MAX_ATTEMPTS, WARREN_TIMEOUT_MS, WARREN_ENQUEUED_AT, WARREN_NOT_BEFORE and
// WARREN_EXPIRES_AT in unix ms, WARREN_SCHEDULE, WARREN_SCHEDULED_FOR in RFC 3339,
// WARREN_SETTLEMENT, WARREN_REDELIVERIES, WARREN_BATCH_ID, WARREN_BATCH_INDEX, WARREN_BATCH_TOTAL,
// WARREN_ERRORS as a JSON array of strings), WARREN_ENQUEUED_BY where RabbitMQ has checked
// who that is, TRACEPARENT and TRACESTATE. What the task does not carry is not set, and no producer
// can set any other. NUL bytes, impossible there, become U+FFFD.
type Exec struct {
	config ExecConfig

	mu      sync.Mutex
	running map[*program]bool
	killed  bool
}

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
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Argv = slices.Clone(c.Argv)
	return &Exec{config: c, running: map[*program]bool{}}, nil
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
// may be about to be installed, or the machine out of processes. A task that carries more than 64
// KiB beside its payload is [tasks.Permanent]: no program could be started with it.
//
// When ctx ends, the program and all that it started in its process group get SIGTERM and, where
// something of them is left after the grace, SIGKILL. The outcome is then an error that is the
// cause of ctx, whatever the exit status: many programs answer SIGTERM with 0, having done nothing.
// What a program leaves behind when it fails by itself is stopped in the same way, so that it does
// not run beside the retry; what it leaves behind with status 0 is left alone, but for its pipes,
// which are closed. What has moved to another process group (setsid, a daemon) is out of reach.
//
// On Linux the kernel kills the program when the worker has ended, even by SIGKILL, but not what
// the program has started. Where the system has no process groups, the program alone is killed, at
// once.
func (e *Exec) HandleTask(ctx context.Context, t *tasks.Task) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	env, err := environment(os.Environ(), t)
	if err != nil {
		return tasks.Permanent(err) // the next attempt carries no less
	}
	var output *capture
	if t.ReplyTo != "" {
		output = &capture{limit: MaxResultBytes}
	}
	p, err := e.start(env, t.Payload, output, &progressLines{ctx: ctx, log: e.config.Log, task: t})
	if err != nil {
		return fmt.Errorf("cannot start the program: %w", err)
	}
	defer e.forget(p)
	stopped := e.await(ctx, p)
	p.close()
	if stopped {
		return stopOutcome(context.Cause(ctx), p.outcome())
	}
	err = p.outcome()
	if err != nil {
		return err
	}
	p.reports.finish()
	if result, ok := output.result(); ok {
		tasks.SetResult(ctx, result)
	}
	return nil
}

// Kill ends at once, by SIGKILL, the programs that run now, with all that they started in their
// process groups, and lets no other be started. It is for a process that is about to end without
// waiting for its tasks, and does not block: the calls of HandleTask return in their own time. A
// program that is being started at that moment ends as soon as its start is known.
func (e *Exec) Kill() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.killed = true
	for p := range e.running {
		p.group.kill()
	}
}

// start starts the program and keeps it in mind for Kill.
func (e *Exec) start(env []string, payload []byte, output *capture, reports *progressLines) (*program, error) {
	e.mu.Lock()
	killed := e.killed
	e.mu.Unlock()
	if killed {
		return nil, ErrKilled
	}
	cmd := exec.Command(e.config.Argv[0], e.config.Argv[1:]...)
	cmd.Env = env
	p, err := startProgram(cmd, payload, output, reports) // without the lock: the start may wait for a file system
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running[p] = true
	if e.killed {
		p.group.kill()
	}
	return p, nil
}

func (e *Exec) forget(p *program) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running, p)
}

// await blocks until the program is gone, and where it has not succeeded, all of its group. It
// reports whether the program was stopped because ctx had ended.
func (e *Exec) await(ctx context.Context, p *program) (stopped bool) {
	select {
	case <-p.exited:
	case <-ctx.Done():
		stopped = !p.gone() // what was done in time is done
	}
	switch {
	case stopped:
		e.stop(p)
		e.drain(p.stderr, stderrWait)
	case p.err != nil:
		e.drain(p.stderr, stderrWait)
		e.stop(p)
	default:
		e.drain(p.stdout, stdoutWait)
		e.drain(p.progress, progressWait)
	}
	return stopped
}

// drain gives what is left of a stream, which may be nil, its time.
func (e *Exec) drain(s *stream, wait time.Duration) {
	if s == nil {
		return
	}
	select {
	case <-s.drained:
		return
	default:
	}
	select {
	case <-s.drained:
	case <-e.config.After(wait):
	}
}

// stop ends a process group and blocks until its leader is gone. It gives the rest of the group the
// grace as well: a shell dies of SIGTERM at once, while the program that it runs is still putting
// its things in order.
func (e *Exec) stop(p *program) {
	if p.gone() && !p.group.alive() {
		return
	}
	over := e.config.After(e.config.Grace)
	p.group.terminate()
	select {
	case <-p.exited:
	case <-over:
		p.group.kill()
		<-p.exited
		return
	}
	for p.group.alive() {
		select {
		case <-e.config.After(groupPoll):
		case <-over:
			p.group.kill()
			return
		}
	}
}

// stopOutcome is the outcome of a task whose program was stopped. How the program ended is told in
// the text alone, so that it does not count as an outcome.
func stopOutcome(cause, outcome error) error {
	if outcome == nil {
		return fmt.Errorf("%w: the program was stopped", cause)
	}
	return fmt.Errorf("%w: the program was stopped: %s", cause, outcome.Error())
}
