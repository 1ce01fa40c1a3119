package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/warrenmq/warren/alerts"
)

// printOverview prints what is known once.
func (c *cli) printOverview(o *overview, known *facts, asJSON bool) error {
	if known.statsErr != nil {
		c.notef("what is running, and the rates, are not known: %v", known.statsErr)
	}
	if known.controlErr != nil {
		c.notef("which queues are paused is not known for certain: %v", known.controlErr)
	}
	if known.windowErr != nil && !errors.Is(known.windowErr, errHistoryOff) && !errors.Is(known.windowErr, errNoHistory) {
		c.notef("what failed, and how long tasks waited and ran, is not known: %v", known.windowErr)
	}
	if known.leaderErr != nil {
		c.notef("which scheduler leads is not known: %v", known.leaderErr)
	}
	if asJSON {
		lines := c.lines()
		for i := range o.queues {
			if err := lines.Encode(&o.queues[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if err := c.writeQueues(o); err != nil {
		return err
	}
	if o.undeclared() {
		c.notef("queues without a number do not exist yet: a worker or a scheduler that starts declares them")
	}
	if o.over > 0 && o.over < alerts.Window-windowStep {
		c.notef("FAIL %%, WAIT and RUN are those of the last %s: more history comes than is read at once", o.over.Round(time.Second))
	}
	if o.gaps > 0 {
		c.notef("the history of the last minutes lacks %d events", o.gaps)
	}
	return nil
}

// writeQueues writes the table, and what is wrong.
func (c *cli) writeQueues(o *overview) error {
	t := table{columns: tableColumns(queueColumns), colour: c.colour()}
	for i := range o.queues {
		addState(&t, queueColumns, &o.queues[i])
	}
	if err := t.write(c.stdout, 0); err != nil {
		return err
	}
	if len(o.report.Findings) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(c.stdout); err != nil {
		return err
	}
	return writeFindings(c.stdout, o.report.Findings, t.colour)
}

// queueColumn is a column about queues.
type queueColumn struct {
	column
	// cell returns what stands in it; condition is the one that it tells of.
	cell      func(*queueState) string
	condition []alerts.Condition
}

// queueColumns are those of a single look.
var queueColumns = []queueColumn{
	{column: column{title: "QUEUE"}, cell: func(s *queueState) string { return s.Queue }},
	{column: column{title: "TYPE"}, cell: func(s *queueState) string { return orUnknown(s.Type) }},
	readyColumn, runningColumn, consumersColumn, deadColumn, inColumn, doneColumn, failColumn, waitColumn, runColumn,
	pausedColumn,
}

var (
	readyColumn = queueColumn{column{title: "READY", right: true}, func(s *queueState) string { return number(s.Ready) },
		[]alerts.Condition{alerts.Backlog, alerts.Parked}}
	runningColumn   = queueColumn{column{title: "RUNNING", right: true}, func(s *queueState) string { return number(s.Running) }, nil}
	consumersColumn = queueColumn{column{title: "CONSUMERS", right: true}, func(s *queueState) string { return number(s.Consumers) },
		[]alerts.Condition{alerts.NoConsumer}}
	deadColumn = queueColumn{column{title: "DEAD", right: true}, func(s *queueState) string { return number(s.Dead) },
		[]alerts.Condition{alerts.Dead}}
	inColumn   = queueColumn{column{title: "IN/S", right: true}, func(s *queueState) string { return rate(s.PublishRate) }, nil}
	doneColumn = queueColumn{column{title: "DONE/S", right: true}, func(s *queueState) string { return rate(s.DoneRate) }, nil}
	failColumn = queueColumn{column{title: "FAIL %", right: true}, func(s *queueState) string { return share(s.FailureRate) },
		[]alerts.Condition{alerts.FailureRate}}
	waitColumn = queueColumn{column{title: "WAIT", right: true}, func(s *queueState) string { return mean(s.WaitMS) },
		[]alerts.Condition{alerts.Wait}}
	runColumn    = queueColumn{column{title: "RUN", right: true}, func(s *queueState) string { return mean(s.RunMS) }, nil}
	pausedColumn = queueColumn{column{title: "PAUSED"}, (*queueState).pause, nil}
)

func tableColumns(columns []queueColumn) []column {
	var titles []column
	for _, c := range columns {
		titles = append(titles, c.column)
	}
	return titles
}

// mark stands before what is wrong.
const mark = "!"

// addState adds a queue's row.
func addState(t *table, columns []queueColumn, s *queueState) {
	cells := make([]string, len(columns))
	for i := range columns {
		cells[i] = columns[i].cell(s)
	}
	for i := range columns {
		for _, condition := range columns[i].condition {
			if slices.Contains(s.Alerts, condition) {
				cells[i] = mark + cells[i]
				t.style(i, colourOf(condition.Severity()))
			}
		}
	}
	t.add(cells...)
}

func number(n *int) string {
	if n == nil {
		return unknown
	}
	return strconv.Itoa(*n)
}

func rate(r *float64) string {
	if r == nil {
		return unknown
	}
	return fmt.Sprintf("%.1f", *r)
}

// share writes a share in per cent, rounded down as the alerts' texts are.
func share(r *float64) string {
	if r == nil {
		return unknown
	}
	return strconv.FormatFloat(math.Floor(*r*1000+1e-9)/10, 'f', 1, 64)
}

// mean writes a mean of milliseconds.
func mean(ms *float64) string {
	if ms == nil {
		return unknown
	}
	return threeDigits(time.Duration(*ms * float64(time.Millisecond)))
}
