package handlers

import (
	"runtime"
	"syscall"
)

// dieWithWorker has the kernel kill a program when the worker is gone, however it went: nothing of
// the worker runs when that was SIGKILL. What the program itself has started is not covered, nor is
// a set-user-ID program.
//
// The kernel does so at the end of the thread that started the program. So the calling goroutine
// starts it, stays on its thread, waits for the program and then calls release. Go ends a thread
// only with a goroutine that is locked to it, and no other can be on this thread meanwhile.
func dieWithWorker(attr *syscall.SysProcAttr) (release func()) {
	runtime.LockOSThread()
	attr.Pdeathsig = syscall.SIGKILL
	return runtime.UnlockOSThread
}
