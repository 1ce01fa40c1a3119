//go:build !unix

package handlers

import (
	"os"
	"os/exec"
)

// processGroup is a program alone: the system has no process groups.
type processGroup struct{ leader *os.Process }

// startGroup starts a program. There is nothing to release.
func startGroup(cmd *exec.Cmd) (group processGroup, release func(), err error) {
	if err := cmd.Start(); err != nil {
		return processGroup{}, nil, err
	}
	return processGroup{cmd.Process}, func() {}, nil
}

// extraFiles returns none: the system hands on the standard streams alone.
func extraFiles(...*os.File) []*os.File { return nil }

// terminate kills the program, which cannot be asked. It fails only where it has ended already.
func (g processGroup) terminate() { _ = g.leader.Kill() }

// kill does what terminate does.
func (g processGroup) kill() { _ = g.leader.Kill() }

// alive returns false: of a program that was waited for nothing is left.
func (processGroup) alive() bool { return false }
