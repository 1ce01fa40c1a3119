//go:build unix

package handlers

import (
	"os/exec"
	"syscall"
)

// processGroup is a program and what it started, so far as that has not left the group.
type processGroup struct{ id int }

// startGroup starts a program as the leader of a process group of its own, so that what it starts
// can be stopped with it, and so that an interrupt from the worker's terminal does not reach it.
func startGroup(cmd *exec.Cmd) (processGroup, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return processGroup{}, err
	}
	return processGroup{cmd.Process.Pid}, nil
}

// terminate asks the group to end. Its only failures are that nothing is left of the group, and
// that it belongs to another user by now, which leaves it to its own end.
func (g processGroup) terminate() { _ = syscall.Kill(-g.id, syscall.SIGTERM) }

// kill ends the group; it fails as terminate does.
func (g processGroup) kill() { _ = syscall.Kill(-g.id, syscall.SIGKILL) }

// alive reports whether something of the group is left that can be signalled. A process that nobody
// has waited for yet counts.
func (g processGroup) alive() bool { return syscall.Kill(-g.id, 0) == nil }
