package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/warrenmq/warren/alerts"
)

// view is what a watch shows at a moment; it is drawn by pure functions.
type view struct {
	// title names the broker. now is the time at the top.
	title string
	now   time.Time
	// o is the newest overview, nil before the first. away is why there is no newer one, since a time.
	o         *overview
	away      error
	awaySince time.Time

	width, height   int
	colour, unicode bool
}

// sparkSteps is how many steps of the window one cell of the spark line is.
const sparkSteps = 3

// watchColumn is a column of the live table. Of those that do not fit the one with the highest drop goes
// first; with 0 it stays.
type watchColumn struct {
	queueColumn
	drop int
}

var watchColumns = []watchColumn{
	{queueColumn{column{title: "QUEUE"}, func(s *queueState) string { return s.Queue }, nil}, 0},
	{readyColumn, 0}, {runningColumn, 5}, {inColumn, 6}, {doneColumn, 3}, {failColumn, 2}, {waitColumn, 4}, {runColumn, 8},
	{deadColumn, 1}, {consumersColumn, 7},
	{queueColumn{column{title: "DONE, 5 MIN"}, (*queueState).spark, nil}, 10},
	{queueColumn{column{title: "PAUSED"}, func(s *queueState) string { return strings.Split(s.pause(), " since ")[0] }, nil}, 9},
}

// spark draws what was done in the last minutes.
func (s *queueState) spark() string {
	var cells []int
	for i := 0; i+sparkSteps < len(s.steps); i += sparkSteps { // the step that has just begun is left out
		done := 0
		for _, step := range s.steps[i : i+sparkSteps] {
			done += step.Ended()
		}
		cells = append(cells, done)
	}
	return sparkLine(cells)
}

// lines draws the view: at most height lines, none of them wider than width.
func (v *view) lines() []string {
	head := v.head()
	if v.o == nil {
		return v.cut(head)
	}
	// What is wrong gets what the table leaves, and a third at least.
	room := v.height - len(head) - 2 // an empty line, and the titles
	findings := v.findings(max(2, room/3, room-1-len(v.queues())))
	if len(findings) > 0 {
		room -= len(findings) + 1
	}
	lines := slices.Concat(head, []string{""}, v.table(max(1, room)))
	if len(findings) > 0 {
		lines = append(append(lines, ""), findings...)
	}
	return v.cut(lines)
}

// queues are those that are shown, the troubled ones first.
func (v *view) queues() []*queueState {
	var shown []*queueState
	for i := range v.o.queues {
		if s := &v.o.queues[i]; !s.parked || len(s.Alerts) > 0 {
			shown = append(shown, s)
		}
	}
	slices.SortStableFunc(shown, func(a, b *queueState) int { return cmp.Compare(a.rank(), b.rank()) })
	return shown
}

// cut leaves what fits on the screen. Widths have been seen to.
func (v *view) cut(lines []string) []string { return lines[:min(len(lines), max(v.height, 1))] }

// head is the lines above the table.
func (v *view) head() []string {
	clock := v.now.Format(time.TimeOnly)
	title := runewidth.Truncate(v.title, max(0, v.width-len(clock)-2), "…")
	pad := strings.Repeat(" ", max(0, v.width-runewidth.StringWidth(title)-len(clock)))
	return []string{v.paint(bold, title) + runewidth.Truncate(pad+clock, max(0, v.width-runewidth.StringWidth(title)), ""), v.state()}
}

// state is the line that tells of the whole.
func (v *view) state() string {
	if v.away != nil {
		text := "RabbitMQ is away since " + v.awaySince.In(v.now.Location()).Format(time.TimeOnly)
		if v.o != nil {
			text += ", last numbers of " + v.o.at.In(v.now.Location()).Format(time.TimeOnly)
		}
		return v.paint(red, v.fit(text+": "+onOneLine(v.away.Error())))
	}
	if v.o == nil {
		return "reading …"
	}
	var parts []string
	if v.o.schedule {
		parts = append(parts, v.leader())
	}
	for i := range v.o.queues {
		if s := &v.o.queues[i]; s.parked {
			parts = append(parts, number(s.Ready)+" parked")
		}
	}
	if v.o.statsErr != nil {
		parts = append(parts, "management API away")
	}
	switch {
	case v.o.windowErr != nil:
		parts = append(parts, "history unknown: "+v.o.windowErr.Error())
	case v.o.gaps > 0:
		parts = append(parts, fmt.Sprintf("history lacks %d events", v.o.gaps))
	}
	parts = append(parts, "q quits")
	return v.paint(dim, v.fit(onOneLine(strings.Join(parts, ", "))))
}

func (v *view) leader() string {
	switch l := v.o.leader; {
	case l == nil:
		return "no leader"
	case l.Leads:
		return fmt.Sprintf("leader %s (term %d)", l.Holder, l.Term)
	default:
		return fmt.Sprintf("no leader since %s (%s)", l.Renewed.In(v.now.Location()).Format(time.TimeOnly), l.Holder)
	}
}

// table is the queues in as many lines besides the titles as there is room for.
func (v *view) table(room int) []string {
	rows := v.queues()
	left := 0
	if len(rows) > room {
		shown := max(1, room-1)
		left, rows = len(rows)-shown, rows[:shown]
	}
	lines := v.rows(rows)
	if left > 0 {
		lines = append(lines, v.paint(dim, v.fit(fmt.Sprintf("... %d more", left))))
	}
	return lines
}

// rank sorts queues: the lower, the sooner somebody is wanted.
func (s *queueState) rank() int {
	switch s.severity() {
	case alerts.Critical:
		return 0
	case alerts.Warning:
		return 1
	}
	return 2
}

// rows draws queues with the columns that fit.
func (v *view) rows(rows []*queueState) []string {
	columns := slices.DeleteFunc(slices.Clone(watchColumns), func(c watchColumn) bool {
		switch c.title {
		case "DONE, 5 MIN":
			return !v.unicode || v.o.windowErr != nil
		case "PAUSED":
			return !slices.ContainsFunc(rows, func(s *queueState) bool { return s.pause() != "" })
		}
		return false
	})
	name := max(12, v.width/3)
	for {
		t := table{colour: v.colour}
		var cells []queueColumn
		for _, c := range columns {
			t.columns, cells = append(t.columns, c.column), append(cells, c.queueColumn)
		}
		for _, s := range rows {
			short := *s
			short.Queue = runewidth.Truncate(s.Queue, name, "…")
			addState(&t, cells, &short)
		}
		over := t.width() - v.width
		last := slices.MaxFunc(columns, func(a, b watchColumn) int { return cmp.Compare(a.drop, b.drop) })
		switch {
		case over <= 0, last.drop == 0 && name == 1:
			var out strings.Builder
			_ = t.write(&out, 0) // a Builder does not fail
			return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		case last.drop == 0:
			name = max(1, min(name, t.measure()[0])-over)
		default:
			columns = slices.DeleteFunc(columns, func(c watchColumn) bool { return c.drop == last.drop })
		}
	}
}

// findings is what is wrong, with what to do where there is room for it.
func (v *view) findings(room int) []string {
	found := v.o.report.Findings
	remedies := 2*len(found) <= room
	var lines []string
	for i := range found {
		if f := &found[i]; len(lines) == room-1 && i < len(found)-1 {
			return append(lines, v.paint(dim, v.fit(fmt.Sprintf("... %d more: warren queues --check", len(found)-i))))
		} else if text := v.fit(mark + " " + finding(f)); remedies {
			lines = append(lines, v.paint(colourOf(f.Severity), text), v.paint(dim, v.fit("  "+f.Remedy)))
		} else {
			lines = append(lines, v.paint(colourOf(f.Severity), text))
		}
	}
	return lines
}

// fit cuts a text to the width.
func (v *view) fit(text string) string { return runewidth.Truncate(text, v.width, "…") }

func (v *view) paint(colour, text string) string {
	if !v.colour || text == "" {
		return text
	}
	return colour + text + plain
}
