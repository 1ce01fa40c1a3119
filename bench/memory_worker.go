package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// memoryWorkerCommand has this program be the process whose memory is measured. It reads where the
// broker is, and how often to look, from its environment.
const (
	memoryWorkerCommand = "memory-worker"
	envURL              = "BENCH_URL"
	envEvery            = "BENCH_EVERY"
)

// sample is what a process says of itself at one moment, one JSON object a line.
type sample struct {
	Tasks      int64 `json:"tasks"`    // run so far
	First      int64 `json:"first_ns"` // when the first task was started, by the wall clock; 0 is not yet
	RSS        int64 `json:"rss_bytes"`
	Goroutines int   `json:"goroutines"`
}

// memoryWorker runs tasks and writes a sample to out every so often, until in ends or ctx is done.
func memoryWorker(ctx context.Context, url string, in io.Reader, out io.Writer) (err error) {
	every, err := time.ParseDuration(os.Getenv(envEvery))
	if err != nil {
		return err
	}
	var first, done atomic.Int64
	w, err := startWorker(ctx, url, func(*tasks.Task) {
		if first.Load() == 0 {
			first.CompareAndSwap(0, time.Now().UnixNano())
		}
		done.Add(1)
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	asked := make(chan struct{})
	go func() { // ends with in
		_, _ = io.Copy(io.Discard, in)
		close(asked)
	}()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	lines := json.NewEncoder(out)
	for {
		select {
		case <-ticker.C:
		case <-asked:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
		rss, err := residentBytes()
		if err != nil {
			return err
		}
		if err := lines.Encode(sample{Tasks: done.Load(), First: first.Load(), RSS: rss, Goroutines: runtime.NumGoroutine()}); err != nil {
			return err
		}
	}
}

// residentBytes is what this process has in memory, as Linux tells it.
func residentBytes() (int64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("the resident memory is read from Linux's /proc: %w", err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0, fmt.Errorf("read /proc/self/statm: %w", err)
	}
	return resident * int64(os.Getpagesize()), nil
}

// memoryProcess is the other process, as its parent sees it.
type memoryProcess struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

// startMemoryWorker starts this program again. It is killed when ctx is done.
func startMemoryWorker(ctx context.Context, url string, every time.Duration, log io.Writer) (*memoryProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &memoryProcess{cmd: exec.CommandContext(ctx, self, memoryWorkerCommand)}
	p.cmd.Env = append(os.Environ(), envURL+"="+url, envEvery+"="+every.String())
	p.cmd.Stderr = log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.lines = bufio.NewScanner(stdout)
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return p, p.cmd.Start()
}

// next blocks until the process tells a sample, and returns an error where it ends instead.
func (p *memoryProcess) next() (sample, error) {
	var one sample
	if !p.lines.Scan() {
		return one, errors.Join(errors.New("the worker has ended by itself"), p.lines.Err())
	}
	if err := json.Unmarshal(p.lines.Bytes(), &one); err != nil {
		return one, fmt.Errorf("the worker said %q: %w", p.lines.Text(), err)
	}
	return one, nil
}

// close asks the process to stop and waits until it is gone.
func (p *memoryProcess) close() error {
	err := p.stdin.Close()
	for p.lines.Scan() { // to the end, as Wait asks for
	}
	if waited := p.cmd.Wait(); waited != nil {
		err = errors.Join(err, fmt.Errorf("the worker: %w", waited))
	}
	return err
}
