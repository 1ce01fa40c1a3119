package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// death is the end of a process that we killed, or asked to end.
type death struct {
	process string
	at      time.Time // when it was killed or asked
	asked   bool      // by SIGTERM
	gone    time.Time // when it was seen to have ended, the zero time before
}

// quit is the end of a process that nobody had killed or asked to end.
type quit struct {
	process string
	at      time.Time
	how     string
}

// String tells the end.
func (q quit) String() string { return q.process + ": " + q.how }

// trade is what the processes of a crew are.
type trade struct {
	name    string                                 // what they are called, besides a number
	command func(place int, name string) *exec.Cmd // makes one, but for where its output goes
	tap     func(name string) io.Writer            // is given a copy of its output; nil: nobody is
	away    time.Duration                          // how long one that we have ended stays away
}

// crew is a number of processes, each of which is started again whenever it ends.
type crew struct {
	trade
	folder string // of their output

	mu      sync.Mutex
	current []*exec.Cmd // by place, nil where none runs
	names   []string
	deaths  []*death
	quits   []quit
	badEnds []string // processes that were asked to end and did not end well

	stopping chan struct{}
	done     sync.WaitGroup
}

// startCrew starts a worker at each place: this program, in a role. They must be stopped.
func startCrew(role string, places []station, folder string) (*crew, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return employ(trade{name: "worker", command: func(place int, name string) *exec.Cmd {
		at := places[place]
		at.process = name
		cmd := exec.Command(program, role)
		cmd.Env = append(os.Environ(), at.environment()...)
		return cmd
	}}, len(places), folder), nil
}

// employ starts a number of processes. They must be stopped.
func employ(t trade, number int, folder string) *crew {
	c := &crew{
		trade: t, folder: folder, stopping: make(chan struct{}),
		current: make([]*exec.Cmd, number), names: make([]string, number),
	}
	for place := range number {
		c.done.Go(func() { c.keep(place) })
	}
	return c
}

// keep runs one process after the other until the crew stops.
func (c *crew) keep(place int) {
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s-%d.%d", c.name, place+1, n)
		away := c.away
		switch err := c.serve(place, name); {
		case errors.Is(err, errStopping):
			return
		case err != nil:
			away = restartPause
			c.mu.Lock()
			c.quits = append(c.quits, quit{name, time.Now(), err.Error()})
			c.mu.Unlock()
		}
		pause := time.NewTimer(away)
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

// serve runs one process to its end. It returns nil where we ended it.
func (c *crew) serve(place int, name string) error {
	path := filepath.Join(c.folder, fmt.Sprintf("%s-%d.log", c.name, place+1))
	output, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := c.command(place, name)
	var out io.Writer = output
	if c.tap != nil {
		out = io.MultiWriter(output, c.tap(name))
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the keyboard is ours
	if err := c.launch(cmd, place, name); err != nil {
		return err
	}
	err = cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current[place] = nil
	ended := c.deathOf(name)
	if ended == nil && !c.isStopping() {
		return fmt.Errorf("%v: %s", cmd.ProcessState, lastLine(path))
	}
	if err != nil && (ended == nil || ended.asked) {
		c.badEnds = append(c.badEnds, fmt.Sprintf("%s was asked to stop: %v", name, err))
	}
	if ended == nil {
		return errStopping
	}
	ended.gone = time.Now()
	return nil
}

// deathOf returns the death of a process, nil where we have not ended it.
func (c *crew) deathOf(name string) *death {
	for _, d := range c.deaths {
		if d.process == name {
			return d
		}
	}
	return nil
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

// placeOf returns where a process runs, unless it has ended.
func (c *crew) placeOf(name string) (place int, runs bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for place, is := range c.names {
		if is == name && c.current[place] != nil {
			return place, true
		}
	}
	return 0, false
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
	return fmt.Errorf("%ss did not end within %s and were killed", c.name, stopWithin)
}

// told returns what is known of ends so far.
func (c *crew) told() (deaths []death, byself, badEnds []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.deaths {
		deaths = append(deaths, *d)
	}
	for _, q := range c.quits {
		byself = append(byself, q.String())
	}
	return deaths, byself, slices.Clone(c.badEnds)
}

// ended returns which processes have ended by themselves.
func (c *crew) ended() []quit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.quits)
}
