package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/warrenmq/warren/metrics"
)

const (
	readyWithin = 30 * time.Second
	readyPoll   = 100 * time.Millisecond
	// stopWithin is longer than the grace period in warren.yaml and what follows it.
	stopWithin  = 40 * time.Second
	logTailSize = 4 << 10
)

// process is one of Warren's binaries as a child process.
type process struct {
	name    string
	health  string // the address of its /readyz
	logPath string
	cmd     *exec.Cmd
	stopped bool          // it was asked to end
	told    bool          // that it has ended is in an error already
	ended   chan struct{} // closed when it is gone; then err is set
	err     error
}

// startProcess starts a binary with a configuration. Its output goes to a file in a folder. It is
// the leader of a process group: the interrupt key reaches it only through us.
func startProcess(program, configFile, folder string, env []string) (*process, error) {
	name := filepath.Base(program)
	health, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &process{name: name, health: health, logPath: filepath.Join(folder, name+".log"), ended: make(chan struct{})}
	output, err := os.Create(p.logPath)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	p.cmd = exec.Command(program, "-c", configFile)
	p.cmd.Env = slices.Concat(env, []string{"WARREN_METRICS_LISTEN=" + health})
	p.cmd.Stdout, p.cmd.Stderr = output, output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// freeAddress returns an address of this machine that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// awaitReady blocks until the process says that it is ready, has ended, or does neither in time.
func (p *process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		err := metrics.Check(ctx, p.health)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return p.failure("ended before it was ready")
		case <-ctx.Done():
			return p.failure(fmt.Sprintf("not ready: %v", err))
		case <-ticker.C:
		}
	}
}

// alive is nil unless the process has ended without being asked to.
func (p *process) alive() error {
	if p.stopped {
		return nil
	}
	select {
	case <-p.ended:
		return p.failure("ended by itself")
	default:
		return nil
	}
}

// stop asks the process to end, waits until it is gone, and returns an error where it did not end
// in time or not with status 0, unless that was told before. A second call does nothing.
func (p *process) stop() error {
	if p.stopped {
		return nil
	}
	p.stopped = true
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it is gone if not there
		<-p.ended
		return p.failure(fmt.Sprintf("did not end within %s and was killed", stopWithin))
	}
	if p.err != nil && !p.told {
		return p.failure("did not end well")
	}
	return nil
}

// failure is an error that tells how the process ended, if it did, and the end of its output.
func (p *process) failure(what string) error {
	select {
	case <-p.ended:
		what = fmt.Sprintf("%s (%v)", what, p.cmd.ProcessState)
		p.told = true
	default:
	}
	return fmt.Errorf("%s %s; the end of %s:\n%s", p.name, what, p.logPath, p.logTail())
}

// logTail returns the last lines of the process's output, indented.
func (p *process) logTail() string {
	data, err := os.ReadFile(p.logPath)
	if err != nil {
		return "  " + err.Error()
	}
	text := strings.TrimSpace(string(data))
	if len(text) > logTailSize {
		text = text[len(text)-logTailSize:]
		_, text, _ = strings.Cut(text, "\n") // the rest of a line
	}
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}
