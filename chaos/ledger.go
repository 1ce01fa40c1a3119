package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// The ledger is a file to which all workers append a line when a handler begins and one when it
// returns. A line is one write to a file that is open for appending, so that lines of several
// processes do not mix, and a line that was written survives its process.
//
//	start  PROCESS RUN ID ATTEMPT SETTLEMENT NOT-BEFORE AT
//	finish PROCESS RUN OUTCOME AT
//	tick   PROCESS ID ENTRY FIRE ENQUEUED NOT-BEFORE REDELIVERIES AT
//
// RUN counts the runs of a process; times are unix microseconds, 0 for none.
const (
	lineStart  = "start"
	lineFinish = "finish"
	lineTick   = "tick"
)

// outcome is what a handler has returned.
type outcome string

// The outcomes.
const (
	succeeded outcome = "succeeded"
	failed    outcome = "failed"
	ended     outcome = "permanent"
	snoozed   outcome = "snoozed"
	cut       outcome = "cut" // its context was cancelled: the worker stops
)

// pen writes the lines of one process. It is safe for use by any number of goroutines.
type pen struct {
	process string
	file    *os.File
	runs    atomic.Int64
}

// openPen opens the ledger to write what a process does.
func openPen(path, process string) (*pen, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &pen{process: process, file: file}, nil
}

// start writes that a task is run, and returns the number of the run.
func (p *pen) start(t *tasks.Task, at time.Time) (run int64, err error) {
	run = p.runs.Add(1)
	_, err = fmt.Fprintf(p.file, "%s %s %d %s %d %d %d %d\n",
		lineStart, p.process, run, t.ID, t.Attempt, t.Settlement, micros(t.NotBefore), at.UnixMicro())
	return run, err
}

// tick writes that a tick's task is run.
func (p *pen) tick(t *tasks.Task, at time.Time) error {
	_, err := fmt.Fprintf(p.file, "%s %s %s %s %d %d %d %d %d\n", lineTick, p.process, t.ID, t.Schedule,
		micros(t.ScheduledFor), micros(t.EnqueuedAt), micros(t.NotBefore), t.Redeliveries, at.UnixMicro())
	return err
}

// micros is a time as the ledger has it.
func micros(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}

// finish writes what a run has come to.
func (p *pen) finish(run int64, o outcome, at time.Time) error {
	_, err := fmt.Fprintf(p.file, "%s %s %d %s %d\n", lineFinish, p.process, run, o, at.UnixMicro())
	return err
}

func (p *pen) close() error { return p.file.Close() }

// run is one start of a task, and its end if it had one.
type run struct {
	process    string
	id         string
	attempt    int
	settlement int
	notBefore  time.Time // the zero time: at once
	started    time.Time
	finished   time.Time // the zero time: never
	outcome    outcome
}

// ledger is what has been read of the file.
type ledger struct {
	file   *os.File
	lines  *bufio.Reader
	part   string              // of a line that is not whole yet
	runs   []*run              // in the order of the file
	byName map[string]*run     // those that have not ended, by process and number
	done   map[string]struct{} // the tasks that have succeeded
	ticks  []caught
	names  map[string]string // of processes, each kept once
}

// openLedger opens the ledger for reading while it is written.
func openLedger(path string) (*ledger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	l := newLedger()
	l.file, l.lines = file, bufio.NewReaderSize(file, 1<<16)
	return l, nil
}

func newLedger() *ledger {
	return &ledger{byName: map[string]*run{}, done: map[string]struct{}{}, names: map[string]string{}}
}

func (l *ledger) close() error { return l.file.Close() }

// read reads what has been written since the last time.
func (l *ledger) read() error {
	for {
		text, err := l.lines.ReadString('\n')
		l.part += text
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		line := l.part
		l.part = ""
		if err := l.enter(line); err != nil {
			return fmt.Errorf("line %q of the ledger: %w", strings.TrimSpace(line), err)
		}
	}
}

var errNoLine = errors.New("neither a start nor a finish nor a tick")

// enter takes in one line. What is kept of it holds no more than itself: a run of half an hour has
// millions of lines.
func (l *ledger) enter(line string) error {
	fields := strings.Fields(line)
	switch {
	case len(fields) == 8 && fields[0] == lineStart:
		numbers, err := integers(fields[4:])
		if err != nil {
			return err
		}
		r := &run{
			process: l.name(fields[1]), id: strings.Clone(fields[3]), attempt: int(numbers[0]), settlement: int(numbers[1]),
			notBefore: unixMicros(numbers[2]), started: unixMicros(numbers[3]),
		}
		l.runs = append(l.runs, r)
		l.byName[fields[1]+" "+fields[2]] = r
	case len(fields) == 5 && fields[0] == lineFinish:
		name := fields[1] + " " + fields[2]
		r := l.byName[name]
		if r == nil {
			return errors.New("a run ends that has not begun")
		}
		numbers, err := integers(fields[4:])
		if err != nil {
			return err
		}
		r.outcome, r.finished = outcome(l.name(fields[3])), unixMicros(numbers[0])
		delete(l.byName, name)
		if r.outcome == succeeded {
			l.done[r.id] = struct{}{}
		}
	case len(fields) == 9 && fields[0] == lineTick:
		numbers, err := integers(fields[4:])
		if err != nil {
			return err
		}
		l.ticks = append(l.ticks, caught{
			tick: tick{l.name(fields[3]), unixMicros(numbers[0]).Unix()}, id: strings.Clone(fields[2]),
			enqueued: unixMicros(numbers[1]), notBefore: unixMicros(numbers[2]), redelivered: numbers[3] > 0,
			received: unixMicros(numbers[4]),
		})
	default:
		return errNoLine
	}
	return nil
}

// name returns a text that comes often, and keeps one copy of it.
func (l *ledger) name(text string) string {
	kept, known := l.names[text]
	if !known {
		kept = strings.Clone(text)
		l.names[kept] = kept
	}
	return kept
}

func integers(texts []string) ([]int64, error) {
	all := make([]int64, 0, len(texts))
	for _, text := range texts {
		number, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, number)
	}
	return all, nil
}

// unixMicros is a time of the ledger.
func unixMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n)
}
