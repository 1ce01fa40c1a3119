package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/history"
)

func TestHistoryUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"--since: \"soon\" is not a duration":                   {"--since", "soon"},
		"--since: -1s is below 0":                               {"--since", "-1s"},
		"--before: \"soon\" is not a duration":                  {"--before", "soon"},
		"--key: ":                                               {"--key", "a..b"},
		"[before follow]":                                       {"--before", "1h", "--follow"},
		"--event: \"done\" is none of started":                  {"--event", "done"},
		"[batch follow]":                                        {"--batch", "b", "--follow"},
		"unknown command \"email\" for \"warren history\"":      {"email"},
		"history.level: \"loud\" is none of off, outcomes, all": {"-c", file(t, "history: {level: loud}")},
	} {
		o := environment{}.run(t.Context(), append([]string{"history"}, args...)...)
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, want)
	}
}

func TestRanges(t *testing.T) {
	assert.Empty(t, ranges(nil, 0))
	assert.Equal(t, "3", ranges([]int{3}, 1))
	assert.Equal(t, "1-2, 4, 7-9, and 5 more", ranges([]int{1, 2, 4, 7, 8, 9}, 11))
}

func TestTook(t *testing.T) {
	millis := func(m history.Millis) *history.Millis { return &m }
	assert.Equal(t, "-", took(nil))
	for want, m := range map[string]history.Millis{"0s": 0, "12µs": 0.012, "1.23ms": 1.234, "45.7ms": 45.678, "3.46s": 3456, "2m5s": 125_400, "2h2m": 7_290_000} {
		assert.Equal(t, want, took(millis(m)))
	}
}

func TestDetail(t *testing.T) {
	percent := 40.0
	for want, e := range map[string]history.Event{
		"":                               {Event: history.Succeeded, By: "api"},
		"permanent: no user":             {Event: history.Dead, Reason: "permanent", Error: "no user"},
		"connection refused":             {Event: history.Retried, Error: "connection refused"},
		"[b 3/50] 40 % rows":             {Event: history.Progress, Batch: "b", BatchIndex: 3, BatchTotal: 50, Percent: &percent, Note: "rows"},
		"7 events are missing: too much": {Event: history.Gap, Count: 7, Note: "too much"},
		"by ops":                         {Event: history.Replayed, By: "ops"},
	} {
		assert.Equal(t, want, detail(&e))
	}
}
