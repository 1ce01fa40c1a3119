package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const progress = `fuzz: elapsed: 0s, gathering baseline coverage: 0/207 completed
fuzz: elapsed: 1s, gathering baseline coverage: 207/207 completed, now fuzzing with 2 workers
fuzz: elapsed: 3s, execs: 32001 (10666/sec), new interesting: 0 (total: 207)
fuzz: elapsed: 11s, execs: 46893 (13714/sec), new interesting: 4 (total: 211)
`

// raced is what golang/go#75804 looks like.
const raced = progress + `--- FAIL: FuzzA (11.07s)
    context deadline exceeded
FAIL
exit status 1
FAIL	example.org/a	11.090s
`

func TestJudge(t *testing.T) {
	ended := run{target: "FuzzA", asked: 10 * time.Second, failed: true, output: raced}
	with := func(change func(*run)) run {
		r := ended
		change(&r)
		return r
	}
	replaced := func(old, with string) run {
		r := ended
		r.output = strings.Replace(raced, old, with, 1)
		assert.NotEqual(t, raced, r.output)
		return r
	}
	for name, one := range map[string]struct {
		run  run
		want verdict
	}{
		"passed":                              {run{target: "FuzzA", asked: time.Second, output: progress + "PASS\nok  \texample.org/a\t11.1s\n"}, held},
		"time ended":                          {ended, overran},
		"input written":                       {with(func(r *run) { r.wrote = true }), broken},
		"passed, though an input was written": {with(func(r *run) { r.failed, r.wrote = false, true }), broken},
		"another target":                      {with(func(r *run) { r.target = "FuzzB" }), broken},
		"before its time":                     {with(func(r *run) { r.asked = 30 * time.Second }), broken},
		"an input is told of":                 {replaced("exceeded\n", "exceeded\n    \n    Failing input written to testdata/fuzz/FuzzA/1\n"), broken},
		"the test's own deadline":             {replaced("    context", "    a_test.go:7: context"), broken},
		"wrapped":                             {replaced("    context", "    fuzzing process hung or terminated: context"), broken},
		"one error more":                      {replaced("    context", "    boom\n    context"), broken},
		"one failure more":                    {replaced("FAIL\nexit", "--- FAIL: FuzzB (1.00s)\nFAIL\nexit"), broken},
		"a panic":                             {replaced("exit status 1", "exit status 2"), broken},
		"a race":                              {replaced("--- FAIL", "WARNING: DATA RACE\n--- FAIL"), broken},
		"no building":                         {run{failed: true, output: "# example.org/a\na.go:1: boom\nFAIL\texample.org/a [build failed]\n"}, broken},
		"nothing":                             {run{failed: true}, broken},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, one.want, judge(one.run).verdict) })
	}
	r := judge(with(func(r *run) { r.took = 14 * time.Second }))
	assert.Equal(t, int64(46893), r.executions)
	assert.Equal(t, int64(4), r.found)
	assert.Contains(t, r.line(), "14s      46893 executions     4 new inputs  ok: its time ended")
}
