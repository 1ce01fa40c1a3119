package main

import (
	"context"
	"errors"
	"os"
	"time"
)

const (
	// startName is what the command line calls the contest of starts.
	startName = "start"
	// startTasks is how many tasks wait for the process that is started, and startEvery how often it
	// tells what it has run.
	startTasks = 1000
	startEvery = 50 * time.Millisecond
	// startOften is how many times as many rounds it has, since each is short.
	startOften = 3
	// residentAllowed is 40 MB in MiB.
	residentAllowed = 40e6 / (1 << 20)
)

// start is how long it takes from the start of a worker process to that of its first task.
type start struct {
	body []byte
}

func (s start) ofWarren(ctx context.Context, a *arena) ([]float64, error) {
	if err := (throughput{tasks: startTasks, body: s.body}).fill(ctx, a); err != nil {
		return nil, err
	}
	began := time.Now()
	child, err := startMemoryWorker(ctx, a.vhost.URL, startEvery, os.Stderr)
	if err != nil {
		return nil, err
	}
	var last sample
	for err == nil && last.Tasks < startTasks {
		last, err = child.next()
	}
	if err = errors.Join(err, child.close()); err != nil {
		return nil, err
	}
	return []float64{millis(time.Unix(0, last.First).Sub(began)), mebibytes(last.RSS)}, a.mustBeEmpty()
}
