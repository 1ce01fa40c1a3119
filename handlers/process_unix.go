//go:build unix

package handlers

import (
	"os"
	"os/exec"
	"syscall"
)

// processGroup is a program and what it started, so far as that has not left the group.
type processGroup struct{ id int }

// startGroup starts a program as the leader of a process group of its own, so that what it starts
// can be stopped with it, and so that an interrupt from the worker's terminal does not reach it.
// The same goroutine waits for the leader, and calls release then.
func startGroup(cmd *exec.Cmd) (group processGroup, release func(), err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	release = dieWithWorker(cmd.SysProcAttr)
	if err := cmd.Start(); err != nil {
		release()
		return processGroup{}, nil, err
	}
	return processGroup{cmd.Process.Pid}, release, nil
}

// extraFiles returns the files that a program has beside its standard streams, from descriptor 3 on.
func extraFiles(files ...*os.File) []*os.File { return files }

// terminate asks the group to end. Its only failures are that nothing is left of the group, and
// that it belongs to another user by now, which leaves it to its own end.
func (g processGroup) terminate() { _ = syscall.Kill(-g.id, syscall.SIGTERM) }

// kill ends the group; it fails as terminate does.
func (g processGroup) kill() { _ = syscall.Kill(-g.id, syscall.SIGKILL) }

// alive reports whether something of the group is left that can be signalled, once its leader is
// gone. A process that has ended counts for as long as nobody has waited for it; a worker that is
// process 1 of a container has to do that itself, since it inherits the orphans.
func (g processGroup) alive() bool {
	for {
		if pid, err := syscall.Wait4(-g.id, nil, syscall.WNOHANG, nil); pid <= 0 && err != syscall.EINTR {
			break
		}
	}
	return syscall.Kill(-g.id, 0) == nil
}
