//go:build unix

package main

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// tty is the terminal that stdout is, and that keys come from where stdin is one.
type tty struct {
	*os.File
	in       *os.File    // nil where nobody can type
	before   *term.State // of in
	typed    chan byte
	changed  chan struct{}
	signals  chan os.Signal
	ending   chan struct{}
	finished sync.WaitGroup
}

// openTerminal takes the terminal: keys come as they are typed, and are not shown.
func openTerminal(out *os.File, stdin any) terminal {
	t := &tty{
		File: out, typed: make(chan byte), changed: make(chan struct{}, 1), signals: make(chan os.Signal, 1), ending: make(chan struct{}),
	}
	signal.Notify(t.signals, syscall.SIGWINCH)
	t.finished.Go(t.watchSize)
	if in, ok := stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		if before, err := term.MakeRaw(int(in.Fd())); err == nil {
			t.in, t.before = in, before
			t.finished.Go(t.readKeys)
		}
	}
	return t
}

func (t *tty) size() (width, height int) { return sizeOf(int(t.Fd())) }
func (t *tty) keys() <-chan byte         { return t.typed }
func (t *tty) resized() <-chan struct{}  { return t.changed }

func (t *tty) restore() {
	signal.Stop(t.signals)
	close(t.ending)
	t.finished.Wait()
	if t.in != nil {
		_ = term.Restore(int(t.in.Fd()), t.before)
	}
}

func (t *tty) watchSize() {
	for {
		select {
		case <-t.signals:
			select {
			case t.changed <- struct{}{}:
			default: // it is known
			}
		case <-t.ending:
			return
		}
	}
}

// keyPatience is how long a wait for a key goes on before it is asked whether anybody still wants one: a read
// of a terminal cannot be interrupted.
const keyPatience = 100 * time.Millisecond

func (t *tty) readKeys() {
	fd := int(t.in.Fd())
	for {
		select {
		case <-t.ending:
			return
		default:
		}
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, int(keyPatience.Milliseconds()))
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return
		case n <= 0:
			continue
		case poll[0].Revents&unix.POLLIN == 0: // hung up
			return
		}
		var key [1]byte
		if n, err := unix.Read(fd, key[:]); err != nil || n == 0 {
			return
		}
		select {
		case t.typed <- key[0]:
		case <-t.ending:
			return
		}
	}
}
