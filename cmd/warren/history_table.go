package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/warrenmq/warren/history"
)

// eventPage is how many events are held to find out how wide their columns are.
const eventPage = 200

// eventPrinter prints events as they come: as JSON, or as a table in pages.
type eventPrinter struct {
	cli    *cli
	asJSON bool
	page   int // how many events are held for a table
	count  int // how many have come
	table  table
}

func (c *cli) eventPrinter(asJSON bool, page int) *eventPrinter {
	return &eventPrinter{cli: c, asJSON: asJSON, page: page, table: table{columns: []column{
		{title: "AT"}, {title: "EVENT"}, {title: "ID"}, {title: "KEY"}, {title: "QUEUE"}, {title: "ATTEMPT", right: true},
		{title: "WAIT", right: true}, {title: "TOOK", right: true}, {title: "WORKER"}, {title: "DETAIL"},
	}}}
}

func (p *eventPrinter) print(e history.Event) error {
	p.count++
	if p.asJSON {
		return p.cli.lines().Encode(e)
	}
	attempt := unknown
	if e.Attempt > 0 {
		attempt = strconv.Itoa(e.Attempt)
	}
	p.table.add(e.At.Local().Format("2006-01-02 15:04:05.000"), string(e.Event), orUnknown(e.ID), orUnknown(e.Key), orUnknown(e.Queue),
		attempt, took(e.Wait), took(e.Duration), orUnknown(e.Worker), orUnknown(detail(&e)))
	if len(p.table.rows) >= p.page {
		return p.flush()
	}
	return nil
}

// flush writes the events that are held.
func (p *eventPrinter) flush() error {
	if len(p.table.rows) == 0 {
		return nil
	}
	return p.table.page(p.cli.stdout, p.cli.stdout.width())
}

// took writes a time with some three digits.
func took(m *history.Millis) string {
	if m == nil {
		return unknown
	}
	d := m.Duration()
	for _, unit := range []time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
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
		add("by %s", orUnknown(e.By))
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
