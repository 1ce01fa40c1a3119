package brokertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// raiseLimit runs a program with as many file descriptors as it may have, up to what an Erlang
// machine can make use of: it reserves memory for each.
const raiseLimit = `limit=$(ulimit -Hn)
if [ "$limit" = unlimited ] || [ "$limit" -gt 65536 ]; then limit=65536; fi
ulimit -n "$limit" || :
exec "$@"`

// process is a rabbitmq-server script and the Erlang machine under it, in a session of their own:
// what is signalled is theirs alone, and a Ctrl-C on our terminal does not reach them.
type process struct {
	cmd  *exec.Cmd
	self owner         // the script's process
	done chan struct{} // closed when the script has ended
}

// launch starts a script with its output in a file. A goroutine waits for it until it ends.
func launch(script string, env []string, dir, output string) (*process, error) {
	log, err := os.Create(output)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("/bin/sh", "-c", raiseLimit, "sh", script)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	self, err := identify(cmd.Process.Pid)
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	p := &process{cmd: cmd, self: self, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		// How it ended is told by the node's log; what counts is that it did.
		_ = cmd.Wait()
	}()
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// terminate asks for a clean end and waits for it. The script passes the signal on.
func (p *process) terminate(ctx context.Context, beam func() (int, bool)) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.wait(ctx, beam)
}

// kill ends the whole session at once and waits until it is gone.
func (p *process) kill(ctx context.Context, beam func() (int, bool)) error {
	if err := killSession(ctx, p.self, beam); err != nil {
		return err
	}
	return p.wait(ctx, beam)
}

// wait returns when the script and the Erlang machine under it have ended.
func (p *process) wait(ctx context.Context, beam func() (int, bool)) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		return fmt.Errorf("waiting for process %d: %w", p.self.pid, context.Cause(ctx))
	}
	return groupGone(ctx, p.self.pid, beam)
}

// killSession kills the session that a process leads, or led, and waits until it is gone. A leader
// that has ended leaves its number to its group as long as that has members; where another process
// has the number now, there are none to kill.
func killSession(ctx context.Context, leader owner, beam func() (int, bool)) error {
	if start, alive := processStart(leader.pid); alive && start != leader.start {
		return nil
	}
	if err := syscall.Kill(-leader.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process group %d: %w", leader.pid, err)
	}
	return groupGone(ctx, leader.pid, beam)
}

// groupGone returns when the Erlang machine that ran in a group has ended.
func groupGone(ctx context.Context, leader int, beam func() (int, bool)) error {
	return poll(ctx, func(context.Context) error {
		if pid, ok := beam(); ok && inGroup(pid, leader) {
			return fmt.Errorf("process %d still runs", pid)
		}
		return nil
	})
}

// inGroup says whether a process runs and belongs to a group.
func inGroup(pid, leader int) bool {
	if _, alive := processStart(pid); !alive {
		return false
	}
	group, err := syscall.Getpgid(pid)
	return err == nil && group == leader
}
