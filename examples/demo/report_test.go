package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

func TestBalanceAsTable(t *testing.T) {
	pattern, err := routing.ParsePattern("email.#")
	require.NoError(t, err)
	spec := routing.Spec{Queues: []routing.QueueSpec{{Name: "demo.email", Routes: []routing.Pattern{pattern}}}}
	mails := &kind{name: "email", key: "email.welcome", ends: done}
	lost := &kind{name: "nobody wants it", key: "sms.send", ends: parked}
	never := &kind{name: "not published"}
	l := newLedger()
	l.publish("a", mails, noon)
	l.publish("b", lost, noon)
	l.record(at("a", 1, 503, 0))
	l.record(at("a", 2, 200, 0))
	l.find(nil, map[string]bool{"b": true})

	var out strings.Builder
	l.balance().table([]*kind{mails, lost, never}, spec).write(&out)
	assert.Equal(t, `
kind             key            queue       published  done  retried  dead  parked
----------------------------------------------------------------------------------
email            email.welcome  demo.email          1     1        1     0       0
nobody wants it  sms.send       none                1     0        0     0       1
----------------------------------------------------------------------------------
all                                                 2     1        1     0       1
`, "\n"+out.String())
}

// The report is to be read in 100 columns, with ticks and thousands of tasks too.
func TestTableIsNotTooWide(t *testing.T) {
	l := newLedger()
	all := append(kinds(), &kind{name: "tick of daily-report", key: "notification.heartbeat"})
	for _, k := range all {
		l.publish(k.name, k, noon)
	}
	b := l.balance()
	b.total.published = 99_999
	pattern, err := routing.ParsePattern("#")
	require.NoError(t, err)
	var out strings.Builder
	b.table(all, routing.Spec{Queues: []routing.QueueSpec{{Name: "demo.report", Routes: []routing.Pattern{pattern}}}}).write(&out)
	for line := range strings.Lines(out.String()) {
		assert.LessOrEqual(t, len(strings.TrimSpace(line)), 100, line)
	}
}

func TestMeasurements(t *testing.T) {
	b := &balance{
		lateness:   durations{time.Millisecond, -time.Millisecond, 3 * time.Millisecond},
		waits:      map[string]durations{kindHigh: {time.Millisecond}, kindLow: {time.Second, 3 * time.Second}},
		reasons:    map[tasks.Reason]int{tasks.ReasonPermanent: 1, tasks.ReasonMalformed: 2},
		duplicates: 4, strays: 5,
	}
	var out strings.Builder
	b.writeMeasurements(&out)
	assert.Equal(t, `
lateness:   3 delayed tasks arrived p50 1ms, p99 3ms, at most 3ms after their time, 1 before it
priorities: published at once to a busy queue, 1 of priority 9 waited 1ms on average, 2 of priority 1 2s
dead:       2 malformed, 1 permanent
ticks:      counted as published by what the scheduler's log says it emitted
duplicates: 4 runs beyond one an attempt
others:     5 tasks ran that are not of this count, such as later ticks
`, "\n"+out.String())
}

func TestFindingsAreToldUpToANumber(t *testing.T) {
	b := &balance{findings: strings.Split(strings.Repeat("x", maxFindings+2), "")}
	var out strings.Builder
	b.writeFindings(&out)
	assert.Equal(t, strings.Repeat("  x\n", maxFindings)+"  and 2 more\n", out.String())
}
