package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// stopWithin is longer than a worker's grace period and what follows it.
	stopWithin = 45 * time.Second
	// restartPause is how long a worker that ended by itself stays away, as under any supervisor.
	restartPause = 500 * time.Millisecond
)

// death is the end of a process that we killed.
type death struct {
	process string
	at      time.Time
}

// crew is a number of worker processes, each of which is started again whenever it ends.
type crew struct {
	role   string    // the command that makes a process a worker
	places []station // but for the name of the process
	folder string    // of their output

	mu      sync.Mutex
	current []*exec.Cmd // by place, nil where none runs
	names   []string
	deaths  []death
	byself  []string // processes that ended though nobody had killed them or asked them to
	badEnds []string // processes that were asked to end and did not end well

	stopping chan struct{}
	done     sync.WaitGroup
}

// startCrew starts a worker at each place. They must be stopped.
func startCrew(role string, places []station, folder string) (*crew, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &crew{
		role: role, places: places, folder: folder, stopping: make(chan struct{}),
		current: make([]*exec.Cmd, len(places)), names: make([]string, len(places)),
	}
	for place := range places {
		c.done.Go(func() { c.keep(program, place) })
	}
	return c, nil
}

// keep runs one process after the other until the crew stops.
func (c *crew) keep(program string, place int) {
	for n := 1; ; n++ {
		name := fmt.Sprintf("worker-%d.%d", place+1, n)
		err := c.serve(program, place, name)
		if errors.Is(err, errStopping) {
			return
		}
		if err == nil {
			continue // killed by us: again at once
		}
		c.mu.Lock()
		c.byself = append(c.byself, fmt.Sprintf("%s: %v", name, err))
		c.mu.Unlock()
		pause := time.NewTimer(restartPause)
		select {
		case <-pause.C:
		case <-c.stopping:
			pause.Stop()
			return
		}
	}
}

// errStopping is the end of a process that was asked to end, or was not started any more.
var errStopping = errors.New("the crew stops")

// serve runs one process to its end. It returns nil where we killed it.
func (c *crew) serve(program string, place int, name string) error {
	path := filepath.Join(c.folder, fmt.Sprintf("worker-%d.log", place+1))
	output, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	at := c.places[place]
	at.process = name
	cmd := exec.Command(program, c.role)
	cmd.Env = append(os.Environ(), at.environment()...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the keyboard is ours
	if err := c.launch(cmd, place, name); err != nil {
		return err
	}
	err = cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current[place] = nil
	if slices.ContainsFunc(c.deaths, func(d death) bool { return d.process == name }) {
		return nil
	}
	if !c.isStopping() {
		return fmt.Errorf("%v: %s", cmd.ProcessState, lastLine(path))
	}
	if err != nil {
		c.badEnds = append(c.badEnds, fmt.Sprintf("%s was asked to stop: %v", name, err))
	}
	return errStopping
}

// lastLine returns the last line of a file, as far as it can be read.
func lastLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

func (c *crew) isStopping() bool {
	select {
	case <-c.stopping:
		return true
	default:
		return false
	}
}

// launch starts a process and notes it, unless the crew stops.
func (c *crew) launch(cmd *exec.Cmd, place int, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isStopping() {
		return errStopping
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.current[place], c.names[place] = cmd, name
	return nil
}

// kill kills the process at a place, kill -9, and reports whether there was one.
func (c *crew) kill(place int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd := c.current[place]
	if cmd == nil {
		return false
	}
	c.deaths = append(c.deaths, death{process: c.names[place], at: time.Now()})
	_ = cmd.Process.Kill() // it has ended by itself if not
	return true
}

// stop asks all processes to end and returns when they are gone. The error tells of those that had
// to be killed.
func (c *crew) stop(ctx context.Context) error {
	c.mu.Lock()
	if !c.isStopping() {
		close(c.stopping)
	}
	for _, cmd := range c.current {
		if cmd != nil {
			_ = cmd.Process.Signal(syscall.SIGTERM) // it has ended by itself if not
		}
	}
	c.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		c.done.Wait()
		close(gone)
	}()
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-gone:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	c.mu.Lock()
	for _, cmd := range c.current {
		if cmd != nil {
			_ = cmd.Process.Kill()
		}
	}
	c.mu.Unlock()
	<-gone
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("workers did not end within %s and were killed", stopWithin)
}

// told returns what is known of ends so far.
func (c *crew) told() (deaths []death, byself, badEnds []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.deaths), slices.Clone(c.byself), slices.Clone(c.badEnds)
}
