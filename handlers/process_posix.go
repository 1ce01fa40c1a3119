//go:build unix && !linux

package handlers

import "syscall"

// dieWithWorker does nothing: the system cannot end a program with the process that started it.
func dieWithWorker(*syscall.SysProcAttr) (release func()) { return func() {} }
