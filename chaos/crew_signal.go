package main

import (
	"syscall"
	"time"
)

// kill kills the process at a place, kill -9, and reports whether there was one.
func (c *crew) kill(place int) bool { return c.end(place, syscall.SIGKILL) }

// end has the process at a place end by SIGKILL or SIGTERM, and reports whether there was one.
func (c *crew) end(place int, by syscall.Signal) bool {
	_, struck := c.signal(place, by)
	return struck
}

// signal has the process at a place end by SIGKILL or SIGTERM, or stops it by SIGSTOP, and returns its name. It
// reports false where none runs.
func (c *crew) signal(place int, by syscall.Signal) (process string, struck bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	process = c.names[place]
	cmd := c.current[place]
	if cmd == nil || c.deathOf(process) != nil {
		return process, false
	}
	if by != syscall.SIGSTOP {
		c.deaths = append(c.deaths, &death{process: process, at: time.Now(), asked: by == syscall.SIGTERM})
	}
	_ = cmd.Process.Signal(by) // it has ended by itself if not
	return process, true
}

// thaw lets a process go on that was stopped.
func (c *crew) thaw(process string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for place, name := range c.names {
		if name == process && c.current[place] != nil {
			_ = c.current[place].Process.Signal(syscall.SIGCONT) // it has ended by itself if not
		}
	}
}
