package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/warrenmq/warren/history"
)

// eventPrinter prints events as they come: as JSON, or as a table in pages.
type eventPrinter struct {
	pages
	lines *json.Encoder // nil for a table
	count int           // how many have come
}

func (c *cli) eventPrinter(asJSON bool, page int) *eventPrinter {
	p := &eventPrinter{pages: c.pages(page,
		column{title: "AT"}, column{title: "EVENT"}, column{title: "ID"}, column{title: "KEY"}, column{title: "QUEUE"},
		column{title: "ATTEMPT", right: true}, column{title: "WAIT", right: true}, column{title: "TOOK", right: true},
		column{title: "WORKER"}, column{title: "DETAIL"})}
	if asJSON {
		p.lines = c.lines()
	}
	return p
}

func (p *eventPrinter) print(e history.Event) error {
	p.count++
	if p.lines != nil {
		return p.lines.Encode(e)
	}
	attempt := unknown
	if e.Attempt > 0 {
		attempt = strconv.Itoa(e.Attempt)
	}
	return p.add(e.At.Local().Format(localTime), string(e.Event), orUnknown(e.ID), orUnknown(e.Key), orUnknown(e.Queue),
		attempt, took(e.Wait), took(e.Duration), orUnknown(e.Worker), orUnknown(detail(&e)))
}

// localTime is how a listing tells when something happened, in the time of the terminal.
const localTime = "2006-01-02 15:04:05.000"

func took(m *history.Millis) string {
	if m == nil {
		return unknown
	}
	return threeDigits(m.Duration())
}

// threeDigits writes a time below a minute with three digits, one below an hour in whole seconds, and any
// other in minutes.
func threeDigits(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d >= time.Minute:
		return d.Round(time.Second).String()
	}
	digit := time.Nanosecond // the last of the three
	for 1000*digit <= d {
		digit *= 10
	}
	return d.Round(digit).String()
}

// detail is what else there is to tell of an event.
func detail(e *history.Event) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if e.Batch != "" {
		add("[%s %d/%d]", e.Batch, e.BatchIndex, e.BatchTotal)
	}
	switch e.Event {
	case history.Gap:
		add("%d events are missing:", e.Count)
	case history.Enqueued, history.Replayed, history.Dropped, history.Edited, history.Paused, history.Resumed:
		by := "by " + orUnknown(e.By)
		if e.Reason+e.Error != "" {
			by += ":"
		}
		add("%s", by)
	}
	if e.Percent != nil {
		add("%g %%", *e.Percent)
	}
	if e.Note != "" {
		add("%s", e.Note)
	}
	switch {
	case e.Reason != "" && e.Error != "":
		add("%s: %s", e.Reason, e.Error)
	case e.Reason+e.Error != "":
		add("%s", e.Reason+e.Error)
	}
	return strings.Join(parts, " ")
}
