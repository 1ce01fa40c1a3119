package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
)

func TestProgressInLines(t *testing.T) {
	var w strings.Builder
	bar := newProgressBar(&w)
	bar.show(tasks.ProgressEvent{Percent: 7})
	bar.show(tasks.ProgressEvent{Percent: 99.9, Note: "nearly\x1b[2J"})
	bar.clear()
	assert.Equal(t, "warren: 7 %\nwarren: 99 % nearly [2J\n", w.String())
}

func TestProgressOnATerminal(t *testing.T) {
	var w strings.Builder
	bar := &progressBar{w: &w, width: 50}
	for percent, want := range map[float64]string{
		0:    "[                              ]   0 %  step é",
		50:   "[===============               ]  50 %  step é",
		99.9: "[============================= ]  99 %  step é",
		100:  "[==============================] 100 %  step é",
	} {
		bar.show(tasks.ProgressEvent{Percent: percent, Note: "step é"})
		assert.Equal(t, eraseLine+want, w.String())
		w.Reset()
	}
	bar.width = 20
	bar.show(tasks.ProgressEvent{Percent: 100})
	assert.Equal(t, eraseLine+"[=================…", w.String())
	w.Reset()
	bar.clear()
	bar.clear()
	assert.Equal(t, eraseLine, w.String())
}

func TestWaitOfACommandLineThatMakesNoSense(t *testing.T) {
	for want, args := range map[string][]string{
		"--timeout: it is how long --wait waits": {"--timeout", "5s"},
		"--timeout: 0s is not above 0":           {"--wait", "--timeout", "0s"},
		"--timeout: ":                            {"--wait", "--timeout", "soon"},
	} {
		o := environment{}.run(t.Context(), append([]string{"enqueue", "email.welcome"}, args...)...)
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, want)
	}
}
