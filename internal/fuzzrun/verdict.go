package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// verdict is what became of a target.
type verdict int

const (
	// held is that of a target which found nothing until its time was over.
	held verdict = iota
	// overran is the same, told as a failure: golang/go#75804. Where a -fuzztime that is a duration ends while an input
	// runs, the coordinator may take the end of its own context for an error. Mended in Go 1.27.
	overran
	// broken is that of a target which failed, whatever for.
	broken
)

// run is what was seen of a target that ran.
type run struct {
	target string
	asked  time.Duration // how long it was to fuzz
	failed bool          // go test says so
	output string
	wrote  bool          // testdata/fuzz is not as it was
	took   time.Duration // with the building
}

// result is a run and what it is taken for.
type result struct {
	run
	verdict    verdict
	executions int64
	found      int64 // inputs that reached something new
}

var (
	progressLine = regexp.MustCompile(`^fuzz: elapsed: [0-9hms]+, (?:gathering baseline coverage: .*|minimizing.*|execs: (\d+) \(\d+/sec\)(?:, new interesting: (\d+) \(total: \d+\))?)$`)
	failLine     = regexp.MustCompile(`^--- FAIL: (\w+) \(([\d.]+)s\)$`)
	packageLine  = regexp.MustCompile(`^FAIL\t\S+\t[\d.]+s$`)
)

// judge tells what became of a target.
func judge(r run) result {
	verdict := held
	switch {
	case r.failed && r.ranOut():
		verdict = overran
	case r.failed, r.wrote:
		verdict = broken
	}
	judged := result{run: r, verdict: verdict}
	for line := range strings.Lines(r.output) {
		if parts := progressLine.FindStringSubmatch(strings.TrimSpace(line)); parts != nil && parts[1] != "" {
			judged.executions, _ = strconv.ParseInt(parts[1], 10, 64) // the expression lets digits pass only
			judged.found, _ = strconv.ParseInt("0"+parts[2], 10, 64)
		}
	}
	return judged
}

// ranOut reports whether a failure is golang/go#75804 and nothing else: the time was over, no input was written, and the
// output is, line by line, nothing but what go test says then. A line that is not expected makes it a failure.
func (r run) ranOut() bool {
	if r.wrote {
		return false
	}
	var rest []string
	for line := range strings.Lines(r.output) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && !progressLine.MatchString(line) {
			rest = append(rest, line)
		}
	}
	if len(rest) != 5 || rest[1] != "    context deadline exceeded" || rest[2] != "FAIL" || rest[3] != "exit status 1" || !packageLine.MatchString(rest[4]) {
		return false
	}
	parts := failLine.FindStringSubmatch(rest[0])
	if parts == nil || parts[1] != r.target {
		return false
	}
	seconds, err := strconv.ParseFloat(parts[2], 64)
	return err == nil && seconds >= r.asked.Seconds()
}

// line tells a result, but for the target.
func (r result) line() string {
	says := map[verdict]string{
		held: "ok", overran: "ok: its time ended while an input ran, which go test calls a failure (golang/go#75804)", broken: "FAILED",
	}[r.verdict]
	return fmt.Sprintf("%5.0fs %10d executions %5d new inputs  %s", r.took.Seconds(), r.executions, r.found, says)
}
