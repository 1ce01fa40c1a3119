package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// catchUpSpacing is between missed ticks that are caught up. The default would have a run wait.
const catchUpSpacing = 100 * time.Millisecond

// onTime is how late a tick may be and still counts as on time, whatever its entry's policy.
const onTime = 10 * time.Second

// catchUp is an entry's policy, as warren.yaml calls it.
type catchUp string

// The policies.
const (
	catchNone catchUp = "none"
	catchLast catchUp = "last"
	catchAll  catchUp = "all"
)

// timetable is an entry of the schedule.
type timetable struct {
	name   string
	fires  string // its cron or every, as warren.yaml has it
	every  time.Duration
	policy catchUp
}

// The entries of a run: those that must never miss a tick, and those with each policy.
var (
	killEntries = []timetable{
		{"secondly", `cron: "* * * * * *"`, time.Second, catchAll},
		{"second", "every: 2s", 2 * time.Second, catchAll},
		{"minutely", `cron: "* * * * *"`, time.Minute, catchAll},
	}
	awayEntries = []timetable{
		{"none", `cron: "* * * * * *"`, time.Second, catchNone},
		{"last", `cron: "* * * * * *"`, time.Second, catchLast},
		{"all", `cron: "* * * * * *"`, time.Second, catchAll},
	}
)

// next returns the entry's first fire time that is not before a time: all of them fire at whole
// multiples of their interval.
func (t timetable) next(from time.Time) time.Time {
	fire := from.Truncate(t.every)
	if fire.Before(from) {
		fire = fire.Add(t.every)
	}
	return fire
}

// yaml is the entry's line in warren.yaml.
func (t timetable) yaml() string {
	text := "catch_up: " + string(t.policy)
	if t.policy == catchAll {
		text = fmt.Sprintf("catch_up: {policy: all, max: 1000, spacing: %s}", catchUpSpacing)
	}
	return fmt.Sprintf("  %s: {%s, key: tick.%s, %s}\n", t.name, t.fires, t.name, text)
}

// writeConfig writes the configuration of a scheduler to a file.
func writeConfig(path string, urls []string, management string, entries []timetable) error {
	var text strings.Builder
	fmt.Fprintf(&text, "broker:\n  urls: [%s]\n", strings.Join(urls, ", "))
	if management != "" {
		fmt.Fprintf(&text, "  management: %s\n", management)
	}
	fmt.Fprintf(&text, "queues:\n  %s: {routes: [%q]}\nschedules:\n", ticksQueue, ticksRoute)
	for _, t := range entries {
		text.WriteString(t.yaml())
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}
