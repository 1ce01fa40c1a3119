package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/warrenmq/warren/bench/internal/proc"
	"github.com/warrenmq/warren/internal/guarded"
)

const (
	// peerStop is how long a process may take to end when it is told to; then it is killed.
	peerStop = 20 * time.Second
	// peerGrace is how much longer than its limit an answer may take.
	peerGrace = 60 * time.Second
	// peerLook is how often the memory of processes is looked at while they work.
	peerLook = 200 * time.Millisecond
	// peerAnswer is how long the longest line of a process may be.
	peerAnswer = 16 << 20
)

// errGivenUp is an entrant that takes longer than it may.
var errGivenUp = errors.New("given up")

// peerProcess is the process of an entrant, with those that it starts, which are its process group.
type peerProcess struct {
	hello  hello
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan []byte // closed when it says no more
	said   lockedBuffer
	server int // the process that the server's descend from, 0 where it is not known
}

// lockedBuffer is what a process has said on its standard error.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return guarded.Tail(b.text.String())
}

// startPeer starts a process and returns when it has said what it is.
func startPeer(ctx context.Context, p *peer, url string, server int, payloadBytes int) (*peerProcess, error) {
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.Env = append(os.Environ(), envURL+"="+url, envVariant+"="+p.variant, envPayload+"="+strconv.Itoa(payloadBytes))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	run := &peerProcess{cmd: cmd, lines: make(chan []byte), server: server}
	cmd.Stderr = &run.said
	cmd.WaitDelay = peerStop // for who holds its standard error open
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if run.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the process's output
		defer close(run.lines)
		scanner := bufio.NewScanner(stdout)
		scanner.Buffer(nil, peerAnswer)
		for scanner.Scan() {
			run.lines <- bytes.Clone(scanner.Bytes())
		}
	}()
	if err := run.read(ctx, peerGrace, &run.hello); err != nil {
		return nil, errors.Join(err, run.close())
	}
	return run, nil
}

// read takes the next line of the process.
func (p *peerProcess) read(ctx context.Context, limit time.Duration, into any) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case line, open := <-p.lines:
		if !open {
			return fmt.Errorf("the process has ended: %s", p.said.tail())
		}
		if err := json.Unmarshal(line, into); err != nil {
			return fmt.Errorf("the process said %.200q: %w", line, err)
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("%w after %s", errGivenUp, limit)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ask makes a request and returns the answer to it.
func (p *peerProcess) ask(ctx context.Context, r request) (answer, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return answer{}, err
	}
	if _, err := p.stdin.Write(append(line, '\n')); err != nil {
		return answer{}, fmt.Errorf("%w: %s", err, p.said.tail())
	}
	var a answer
	if err := p.read(ctx, r.limit()+peerGrace, &a); err != nil {
		return answer{}, fmt.Errorf("%s: %w", r.Do, err)
	}
	switch {
	case a.Error != "":
		return answer{}, fmt.Errorf("%s: %s", r.Do, a.Error)
	case a.Count == 0:
		return answer{}, fmt.Errorf("%s: %w: nothing was run within %s", r.Do, errGivenUp, r.limit())
	}
	return a, nil
}

// close has the process end, and kills what is left of its group.
func (p *peerProcess) close() error {
	err := p.stdin.Close()
	timer := time.AfterFunc(peerStop, func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	for range p.lines { // to the end, as Wait asks for
	}
	waited := p.cmd.Wait()
	if killed := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); killed != nil && !errors.Is(killed, syscall.ESRCH) {
		err = errors.Join(err, killed)
	}
	if waited != nil {
		err = errors.Join(err, fmt.Errorf("the process: %w: %s", waited, p.said.tail()))
	}
	return err
}

// usage is what the processes of an entrant and of its server have used for something; NaN is what is not known.
type usage struct {
	clientCPU, serverCPU       time.Duration
	clientPeak, clientAfter    float64 // MiB
	serverPeak                 float64
	serverKnown, clientIsKnown bool
}

// perTask is a CPU time in µs a task.
func perTask(cpu time.Duration, known bool, count int) float64 {
	if !known {
		return math.NaN()
	}
	return float64(cpu.Microseconds()) / float64(count)
}

// watched calls do and tells what was used meanwhile.
func (p *peerProcess) watched(do func() error) (usage, error) {
	client := &gauge{look: func() (proc.Usage, error) { return proc.Group(p.cmd.Process.Pid) }}
	server := &gauge{look: func() (proc.Usage, error) { return proc.Tree(p.server) }}
	if p.server == 0 {
		server.look = func() (proc.Usage, error) { return proc.Usage{}, proc.ErrNone }
	}
	client.begin()
	server.begin()
	over := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		ticker := time.NewTicker(peerLook)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				client.take()
				server.take()
			case <-over:
				return
			}
		}
	})
	err := do()
	close(over)
	looking.Wait()
	client.take()
	server.take()
	return usage{
		clientCPU: client.cpu(), serverCPU: server.cpu(), clientIsKnown: client.err == nil, serverKnown: server.err == nil,
		clientPeak: client.mebibytes(client.peak), clientAfter: client.mebibytes(client.last.Bytes), serverPeak: server.mebibytes(server.peak),
	}, err
}

// gauge is the use of some processes over a time.
type gauge struct {
	look        func() (proc.Usage, error)
	first, last proc.Usage
	peak        int64
	err         error // the first
}

func (g *gauge) begin() {
	g.take()
	g.first = g.last
}

func (g *gauge) take() {
	now, err := g.look()
	if err != nil {
		g.err = errors.Join(g.err, err)
		return
	}
	g.last, g.peak = now, max(g.peak, now.Bytes)
}

func (g *gauge) cpu() time.Duration { return g.last.CPU - g.first.CPU }

func (g *gauge) mebibytes(bytes int64) float64 {
	if g.err != nil {
		return math.NaN()
	}
	return mebibytes(bytes)
}
