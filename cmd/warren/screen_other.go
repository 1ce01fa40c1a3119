//go:build !unix

package main

import "os"

// tty is the terminal that stdout is. Nobody can type here but Ctrl-C, and a new size is seen at the next
// frame.
type tty struct{ *os.File }

func openTerminal(out *os.File, _ any) terminal { return tty{out} }

func (t tty) size() (width, height int) { return sizeOf(int(t.Fd())) }
func (tty) keys() <-chan byte           { return nil }
func (tty) resized() <-chan struct{}    { return nil }
func (tty) restore()                    {}
